#!/usr/bin/env bash
# Dropout and batch norm: the same bits for every number of devices and of
# threads, and for a run that was stopped; the interpreter draws the same numbers.
source "$(dirname "$0")/lib.sh"
here=$source_dir/test/e2e

for model in digits_dropout digits_batch_norm; do
  file=$here/Inputs/$model.mlg
  micro=(--set train.batch=64 --set train.microbatch=8 --mesh 'data=*')
  "$mlc" "$file" "${micro[@]}" -o "$work/$model.plan"
  train() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$mlrun" train "$work/$model.plan" --data "$digits" -o "$work/$name.safetensors" -q "$@" 2>"$work/$name.err" ||
      { cat "$work/$name.err" >&2; fail "$model: training with $*"; }
  }
  train reference --threads 1 --log "$work/$model.jsonl"
  for arguments in "-n 1 --threads 2" "-n 2 --threads 1" "-n 4 --threads 1" "-n 8 --threads 1"; do
    # shellcheck disable=SC2086
    train other $arguments
    cmp "$work/reference.safetensors" "$work/other.safetensors" || fail "$model: other bits with $arguments"
  done
  # 30 steps, then the rest.
  rm -rf "$work/checkpoint"
  train half --steps 30 --checkpoint "$work/checkpoint"
  train resumed -n 2 --checkpoint "$work/checkpoint" --resume
  cmp "$work/reference.safetensors" "$work/resumed.safetensors" || fail "$model: other bits of a resumed run"

  for mesh in 'data=*' data=1 data=2; do
    for devices in 1 2; do
      [[ $mesh == data=1 && $devices == 2 || $mesh == data=2 && $devices == 1 ]] && continue
      "$mlc" "$file" "${micro[@]}" --mesh "$mesh" --set train.precision=f64 -o "$work/double.plan"
      "$mlc" "$file" "${micro[@]}" --mesh "$mesh" --set train.precision=f64 --interpret 5 --data "$digits" >"$work/double.txt"
      rm -f "$work/double.jsonl"
      "$mlrun" train "$work/double.plan" --data "$digits" -n "$devices" --steps 5 --log "$work/double.jsonl" -q
      python3 "$here/same_numbers.py" "$work/double.txt" "$work/double.jsonl" 1e-11 5 || fail "$model: the interpreter differs on $mesh"
    done
  done
  "$mlc" "$file" "${micro[@]}" --mesh data=2 --set train.precision=f64 --emit local >"$work/local.mlir"
  "$mlc" "$work/local.mlir" --compile-from local --interpret 5 --data "$digits" >"$work/local.txt"
  python3 "$here/same_numbers.py" "$work/local.txt" "$work/double.jsonl" 1e-11 5 || fail "$model: phase local differs"
  # A last micro-batch of 4 rows, and empty ones.
  "$mlc" "$file" --set train.batch=1440 --set train.microbatch=720 -o "$work/partial.plan" --set train.precision=f64
  "$mlrun" train "$work/partial.plan" --data "$digits" --steps 3 --log "$work/partial.jsonl" -q
  "$mlc" "$file" --set train.batch=1440 --set train.microbatch=720 --set train.precision=f64 --interpret 3 --data "$digits" >"$work/partial.txt"
  python3 "$here/same_numbers.py" "$work/partial.txt" "$work/partial.jsonl" 1e-11 3 || fail "$model: other numbers with padding"
  rm "$work/partial.jsonl"
  "$mlc" "$file" --set width=30 --set train.batch=8 --set train.microbatch=4 --check-gradients >"$work/gradients.txt" ||
    { cat "$work/gradients.txt" >&2; fail "$model: gradients"; }
done

# Another seed draws others; evaluation draws none.
"$mlrun" init "$work/digits_dropout.plan" -o "$work/init.safetensors"
losses() { # NAME SEED
  "$mlrun" train "$work/digits_dropout.plan" --data "$digits" --weights "$work/init.safetensors" --seed "$2" --steps 1 -q \
    --log "$work/$1.jsonl"
  grep -o '"loss":[^,]*' "$work/$1.jsonl" | head -1
}
[[ $(losses one 1) == "$(losses again 1)" ]] || fail "one seed draws other numbers"
[[ $(losses one-more 1) != "$(losses two 2)" ]] || fail "two seeds draw the same numbers"
kept=$(grep '"split":"train"' "$work/digits_dropout.jsonl" | grep -o '"kept":[^,}]*' | cut -d: -f2)
python3 - $kept <<'PY' || fail "dropout keeps another share"
import sys
shares = [float(each) for each in sys.argv[1:]]
assert len(shares) == 60 and len(set(shares)) > 50, shares
assert abs(sum(shares) / len(shares) - 0.75) < 0.005, sum(shares) / len(shares)
PY
grep '"split":"test"' "$work/digits_dropout.jsonl" | grep -qE '"kept":1(\.0)?[,}]' || fail "evaluation drops"
echo "the same numbers in every run"
