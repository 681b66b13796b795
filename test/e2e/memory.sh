#!/usr/bin/env bash
# What `mlc --report memory` says is what inspect says and what the processes
# allocate, to the byte.
source "$(dirname "$0")/lib.sh"
preload=$5

# check NAME RANKS COMM COMMAND...: counts what the command allocates.
check() {
  local name=$1 ranks=$2 comm=$3
  shift 3
  rm -f "$work"/counts.*
  COUNT_ALLOCATIONS=$work/counts LD_PRELOAD=$preload "$mlrun" -q "$@" -n "$ranks" --comm "$comm" --threads 1 >"$work/out" 2>&1 ||
    { cat "$work/out" >&2; fail "$name -n $ranks --comm $comm"; }
  python3 "$(dirname "$0")/memory.py" "$work/$name.json" "$work/inspect.json" "$ranks" "$comm" "$1" "$work"/counts.* ||
    fail "$name -n $ranks --comm $comm"
}

compile() { # NAME FILE
  "$mlc" "$2" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' --report memory --json -o "$work/$1.plan" >"$work/$1.json"
  "$mlrun" inspect "$work/$1.plan" --json >"$work/inspect.json"
}

compile digits "$digits/digits.mlg"
"$mlrun" train "$work/digits.plan" --data "$digits" --steps 1 >"$work/out" 2>&1 # fills the cache
for ranks in 1 2 4; do
  for comm in threads shm gloo; do
    check digits $ranks $comm train "$work/digits.plan" --data "$digits" --steps 2
  done
done
compile mlp "$source_dir/examples/fashion_mnist/mlp.mlg" # made-up data: nothing is loaded
for ranks in 1 2 4; do
  for comm in threads shm gloo; do
    check mlp $ranks $comm bench "$work/mlp.plan" --steps 2
  done
done
