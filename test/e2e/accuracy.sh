#!/usr/bin/env bash
# The examples reach the accuracy that PyTorch reaches with the same settings;
# evaluation means the same during training and after it; the loss curve does
# not depend on devices, micro-batches, or how the length of a run is given.
source "$(dirname "$0")/lib.sh"
logs() { python3 "$(dirname "$0")/logs.py" "$@"; }
at_least() { awk "BEGIN { exit !($1 >= $2) }" || fail "$3: $1 is below $2"; }

train() { # NAME PLAN ARGUMENTS...
  local name=$1 plan=$2
  shift 2
  "$mlrun" train "$plan" --log "$work/$name.jsonl" "$@" >"$work/$name.out" 2>&1 ||
    { cat "$work/$name.out" >&2; fail "training with $*"; }
}

# What `mlrun eval` says of the weights is the last evaluation of the training.
eval_agrees() { # NAME PLAN WEIGHTS ARGUMENTS...
  local name=$1 plan=$2 weights=$3
  shift 3
  "$mlrun" eval "$plan" --weights "$weights" --split test --log "$work/$name-eval.jsonl" "$@" >/dev/null
  for value in loss accuracy; do
    [[ $(logs last "$work/$name.jsonl" test $value) == $(logs last "$work/$name-eval.jsonl" test $value) ]] ||
      fail "$name: eval and training disagree on the $value of test"
  done
}

echo "== digits: the median of 5 seeds (PyTorch: 0.900)"
"$mlc" "$digits/digits.mlg" -o "$work/digits.plan"
accuracies=()
for seed in 0 1 2 3 4; do
  train "seed-$seed" "$work/digits.plan" --data "$digits" --seed $seed -o "$work/digits.safetensors"
  eval_agrees "seed-$seed" "$work/digits.plan" "$work/digits.safetensors" --data "$digits"
  accuracies+=("$(logs last "$work/seed-$seed.jsonl" test accuracy)")
done
median=$(logs median "${accuracies[@]}")
echo "accuracies ${accuracies[*]}, median $median"
at_least "$median" 0.89 "median accuracy on digits"

echo "== digits: one loss curve"
train seed-default "$work/digits.plan" --data "$digits"
logs same "$work/seed-0.jsonl" "$work/seed-default.jsonl"
logs same "$work/seed-0.jsonl" "$work/seed-1.jsonl" 2>/dev/null && fail "the seed changes nothing"
train epochs "$work/digits.plan" --data "$digits" --epochs 2
train steps "$work/digits.plan" --data "$digits" --steps 90 # 1437 rows: 45 steps an epoch
logs same "$work/epochs.jsonl" "$work/steps.jsonl"
"$mlrun" init "$work/digits.plan" --seed 0 -o "$work/init.safetensors"
train weights "$work/digits.plan" --data "$digits" --epochs 2 --weights "$work/init.safetensors"
logs same "$work/epochs.jsonl" "$work/weights.jsonl"

"$mlc" "$digits/digits.mlg" --mesh 'data=*' --set train.microbatch=4 -o "$work/elastic.plan"
for devices in 1 2 4 8; do
  train "elastic-$devices" "$work/elastic.plan" --data "$digits" --epochs 2 -n $devices
  logs same "$work/elastic-1.jsonl" "$work/elastic-$devices.jsonl" # bit for bit
done
logs same "$work/epochs.jsonl" "$work/elastic-1.jsonl" 1e-4 # sums of 4 and of 32 rows
for devices in 3 24; do # 32 = 11 + 11 + 10; 24 devices: 16 with 2 rows, 8 with none
  "$mlc" "$digits/digits.mlg" --mesh data=$devices -o "$work/odd.plan"
  train "odd-$devices" "$work/odd.plan" --data "$digits" --epochs 2 --comm threads
  logs same "$work/epochs.jsonl" "$work/odd-$devices.jsonl" 1e-4
done

fashion=${MLC_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
if [[ ! -f $fashion/train-images-idx3-ubyte.gz ]]; then
  echo "skipped: no Fashion-MNIST in $fashion; install Debian's dataset-fashion-mnist"
  exit 77
fi
echo "== Fashion-MNIST after 5 epochs (PyTorch: 0.872)"
"$mlc" "$source_dir/examples/fashion_mnist/mlp.mlg" --mesh 'data=*' --set train.microbatch=8 -o "$work/mlp.plan"
"$mlrun" inspect "$work/mlp.plan" >"$work/inspect"
grep -qE '^parameters +101,770$' "$work/inspect" || fail "inspect does not say 101,770 parameters"
for devices in 1 2 4 8; do
  train "mlp-$devices" "$work/mlp.plan" --data "$fashion" -n $devices -o "$work/mlp-$devices.safetensors"
  accuracy=$(logs last "$work/mlp-$devices.jsonl" test accuracy)
  echo "-n $devices: $accuracy"
  at_least "$accuracy" 0.865 "accuracy on $devices devices"
  cmp "$work/mlp-1.safetensors" "$work/mlp-$devices.safetensors" || fail "other bits on $devices devices"
done
eval_agrees mlp-8 "$work/mlp.plan" "$work/mlp-8.safetensors" --data "$fashion" -n 2
