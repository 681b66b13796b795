#!/usr/bin/env bash
# The best checkpoint is kept and training stops when it gets no better: by the
# command line or the train block, on any number of devices, and in the same way
# when the run was killed and resumed in between.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib.sh"

compile() { # NAME SETTINGS...
  local name=$1
  shift
  "$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' \
    --set 'train.optimizer=adam(lr = 3e-2)' --set train.epochs=40 "$@" -o "$work/$name.plan"
}
compile plain
compile block --set train.best=accuracy --set train.patience=4

train() { # PLAN FOLDER ARGUMENTS...
  local plan=$1 folder=$2
  shift 2
  "$mlrun" train "$work/$plan.plan" --data "$digits" --checkpoint "$work/$folder" --log "$work/$folder.jsonl" "$@" \
    >"$work/$folder.out" 2>&1 || { cat "$work/$folder.out" >&2; fail "training in $folder"; }
}
same() { # FOLDER: ended as `whole` did
  local what
  for what in latest/manifest.json latest/weights.safetensors best/manifest.json best/weights.safetensors; do
    cmp "$work/whole/$what" "$work/$1/$what" || fail "$1: another $what"
  done
  [[ $(readlink "$work/$1/best") == "$(readlink "$work/whole/best")" ]] || fail "$1: another best"
  python3 "$here/logs.py" same "$work/whole.jsonl" "$work/$1.jsonl" || fail "$1: another log"
}

train plain whole --keep-best accuracy --patience 4 -n 1
grep -q "stopped early: accuracy has not been above 0\.[0-9]* (step [0-9]*) for 4 epochs" "$work/whole.out" ||
  { cat "$work/whole.out" >&2; fail "it does not say why it stopped"; }
python3 - "$work/whole.jsonl" "$work/whole/latest/manifest.json" "$(readlink "$work/whole/best")" <<'END'
import json, sys
tests = [line for line in map(json.loads, open(sys.argv[1])) if line["split"] == "test"]
best = max(tests, key=lambda line: line["accuracy"])  # the first of equal ones
assert tests.index(best) == len(tests) - 5, (tests.index(best), len(tests))
assert sys.argv[3] == f"step-{best['step']}", sys.argv[3]
watch = json.load(open(sys.argv[2]))["best"]
assert (watch["value"], watch["step"], watch["evaluations_since"]) == (best["accuracy"], best["step"], 4), watch
END
[[ $(ls -d "$work"/whole/step-* | wc -l) -eq 3 ]] || fail "other checkpoints than the best and the last two"

train plain two --keep-best accuracy:max --early-stop accuracy --patience 4 -n 2
same two
train block block -n 4
for what in latest best; do
  [[ $(readlink "$work/block/$what") == "$(readlink "$work/whole/$what")" ]] || fail "the block's $what differs"
done

# Killed at any moment.
for devices in 1 2; do
  for round in 1 2 3 4 5; do
    timeout -s KILL "0.0$((RANDOM % 8 + 1))" "$mlrun" train "$work/plain.plan" --data "$digits" -n $devices --resume \
      --checkpoint "$work/killed-$devices" --log "$work/killed-$devices.jsonl" --checkpoint-every 7 \
      --keep-best accuracy --patience 4 >/dev/null 2>&1 || true
    no_process_left
  done
  train plain "killed-$devices" --keep-best accuracy --patience 4 --checkpoint-every 7 --resume -n $devices
  for what in weights.safetensors manifest.json; do
    cmp "$work/whole/best/$what" "$work/killed-$devices/best/$what" || fail "another best $what after a kill"
    cmp "$work/whole/latest/$what" "$work/killed-$devices/latest/$what" || fail "another last $what after a kill"
  done
done

# Who has stopped stays stopped, unless told to wait longer; who watched nothing begins now.
train plain whole --keep-best accuracy --patience 4 --resume
grep -q "already at step [0-9]*, where training stopped: accuracy" "$work/whole.out" || fail "it trains on"
train plain whole --keep-best accuracy --patience 6 --resume
grep -q "trained [1-9]" "$work/whole.out" || { cat "$work/whole.out"; fail "it does not go on"; }
train plain late --epochs 2
train plain late --epochs 2 --keep-best loss --resume
[[ $(readlink "$work/late/best") == "$(readlink "$work/late/latest")" ]] || fail "the only evaluation is not the best"
"$mlrun" eval "$work/plain.plan" --data "$digits" --weights "$work/late/best" >/dev/null

# A link that was not written any more is written by the next run.
rm "$work/late/best"
train plain late --epochs 2 --keep-best loss --resume
[[ -e $work/late/best ]] || fail "the best is lost"

bad() { expect_exit 2 "$1" "$mlrun" train "$work/plain.plan" --data "$digits" "${@:2}"; }
bad 'needs --checkpoint DIR' --keep-best accuracy
bad 'there are loss, accuracy' --keep-best acc --checkpoint "$work/bad"
bad ':min or :max' --keep-best accuracy:up --checkpoint "$work/bad"
bad 'needs --patience E' --early-stop loss
bad 'needs --early-stop METRIC' --patience 3
[[ ! -e $work/bad ]] || fail "a folder for a run that never began"
sed '/test *=/d' "$digits/digits.mlg" >"$work/untested.mlg"
"$mlc" "$work/untested.mlg" -o "$work/untested.plan"
expect_exit 2 'no split test' "$mlrun" train "$work/untested.plan" --data "$digits" --early-stop loss --patience 1
expect_exit 2 'split `test`' "$mlc" "$work/untested.mlg" -o "$work/no.plan" --set train.best=loss
echo "the best is kept, and training ends in time"
