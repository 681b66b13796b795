#!/usr/bin/env bash
# mlc --interpret trains as mlrun does: the same batches and initial values, so
# the losses and metrics of 20 steps agree.
source "$(dirname "$0")/lib.sh"

# agree NAME MODEL TOLERANCE DEVICES [OPTIONS OF MLC...]
agree() {
  local name=$1 model=$2 tolerance=$3 devices=$4
  shift 4
  "$mlc" "$model" "$@" -o "$work/$name.plan"
  "$mlc" "$model" "$@" --interpret 20 --data "$digits" >"$work/$name.txt" || fail "$name: interpreting"
  "$mlrun" train "$work/$name.plan" --data "$digits" -n "$devices" --steps 20 --log "$work/$name.jsonl" \
    2>"$work/$name.err" || { cat "$work/$name.err" >&2; fail "$name: training"; }
  python3 "$(dirname "$0")/same_numbers.py" "$work/$name.txt" "$work/$name.jsonl" "$tolerance" || fail "$name differs"
}

few=$source_dir/test/e2e/Inputs/digits_few.mlg
micro=(--set train.batch=64 --set train.microbatch=8 --mesh 'data=*')
agree plain "$digits/digits.mlg" 1e-5 1
agree elastic "$digits/digits.mlg" 1e-5 2 "${micro[@]}"
agree mesh "$digits/digits.mlg" 1e-5 2 --mesh data=2
agree double "$digits/digits.mlg" 1e-12 1 --set train.precision=f64
agree double-elastic "$digits/digits.mlg" 1e-12 4 --set train.precision=f64 "${micro[@]}"
# 18 rows: two full micro-batches of 8, one of 2, and an empty one.
agree partial "$few" 1e-5 1 --set train.microbatch=8
agree partial-double "$few" 1e-12 3 --set train.microbatch=8 --set train.precision=f64 --mesh 'data=*'
# The last micro-batch is padded: 3 of 11 for 32 rows.
agree uneven "$few" 1e-12 3 --mesh data=3 --set train.precision=f64

# A later phase computes the same, with its micro-batches and devices.
"$mlc" "$few" --set train.microbatch=8 --mesh data=2 --set train.precision=f64 --emit local >"$work/local.mlir"
"$mlc" "$work/local.mlir" --compile-from local --interpret 20 --data "$digits" >"$work/local.txt"
python3 "$(dirname "$0")/same_numbers.py" "$work/local.txt" "$work/partial-double.jsonl" 1e-12 || fail "phase local differs"

# The model's folder is the default, and nothing is written.
mkdir "$work/folder"
cp "$digits/digits.csv.gz" "$few" "$work/folder"
(cd "$work/folder" && "$mlc" digits_few.mlg --interpret 1 >"$work/default.txt") || fail "data in the model's folder"
cmp <("$mlc" "$few" --interpret 1 --data "$digits") "$work/default.txt" || fail "other data from the model's folder"
[[ $(ls "$work/folder") == $'digits.csv.gz\ndigits_few.mlg' ]] || fail "--interpret wrote a file"

expect_exit 3 "cannot open data file '.*/digits.csv.gz': No such file" "$mlc" "$few" --interpret 1
head -c 3000 "$digits/digits.csv.gz" >"$work/folder/digits.csv.gz"
expect_exit 3 "digits.csv.gz" "$mlc" "$work/folder/digits_few.mlg" --interpret 1
expect_exit 1 "the loss became nan at step [0-9]+" "$mlc" "$few" --set 'train.optimizer=sgd(lr = 1e30)' --interpret 9 \
  --data "$digits"
sed '/^train {/,/^}/d' "$few" >"$work/untrained.mlg"
sed -i '/^  loss/d' "$work/untrained.mlg"
expect_exit 1 "no program @train" "$mlc" "$work/untrained.mlg" --interpret 1 --data "$digits"
"$mlc" "$few" --emit schedule >"$work/schedule.mlir"
expect_exit 2 "needs the phase local or an earlier one" "$mlc" "$work/schedule.mlir" --compile-from schedule --interpret 1
# A label that the reader lets pass, since nobody says its limit: both name the
# line of the model, and the layer.
sed 's/linear(10)/linear(5)/' "$few" >"$work/five.mlg"
"$mlc" "$work/five.mlg" --emit graph | sed 's/limit = 5 : i64/limit = 0 : i64/' >"$work/five.mlir"
loss=$(grep -n "loss " "$work/five.mlg" | cut -d: -f1)
expect_exit 1 "has label [5-9] in row [0-9]+, outside \[0, 5\)" "$mlc" "$work/five.mlir" --compile-from graph \
  --interpret 1 --data "$digits"
grep -qF " --> five.mlg:$loss:10" "$work/stderr" || fail "the interpreter names another line: $(cat "$work/stderr")"
grep -qE "^ = in layer cross_entropy \(layers.mlg:[0-9]+:[0-9]+\)" "$work/stderr" || fail "no layer is named"
"$mlc" "$work/five.mlir" --compile-from graph -o "$work/five.plan"
expect_exit 3 "label [5-9] is outside \[0, 5\) in row [0-9]+.* \(five.mlg:$loss:10, in layer cross_entropy \(layers.mlg:" \
  "$mlrun" train "$work/five.plan" --data "$digits" --steps 3
echo "the interpreter and mlrun agree"
