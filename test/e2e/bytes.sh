#!/usr/bin/env bash
# What `mlc --report comm` says that each rank sends is what the communicator
# counts, for every number of ranks and every transport; and little more than
# the least that is possible.
source "$(dirname "$0")/lib.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' --report comm --json \
  -o "$work/digits.plan" >"$work/report.json"
"$mlrun" inspect "$work/digits.plan" --json >"$work/inspect.json"

for ranks in 2 4 8; do
  for comm in threads shm gloo; do
    "$mlrun" bench "$work/digits.plan" -n $ranks --comm $comm --threads 1 --steps 20 --json >"$work/bench.json" 2>"$work/err" ||
      { cat "$work/err" >&2; fail "bench -n $ranks --comm $comm"; }
    python3 "$(dirname "$0")/bytes.py" "$work/report.json" "$work/inspect.json" "$work/bench.json" || fail "-n $ranks --comm $comm"
  done
done

# A fixed mesh whose size is no power of two.
for ranks in 3 5; do
  "$mlc" "$digits/digits.mlg" --set train.batch=60 --set train.microbatch=4 --mesh data=$ranks --report comm --json \
    -o "$work/fixed.plan" >"$work/report.json"
  "$mlrun" bench "$work/fixed.plan" --comm shm --threads 1 --steps 20 --json >"$work/bench.json" 2>"$work/err" ||
    { cat "$work/err" >&2; fail "bench of $ranks ranks"; }
  python3 "$(dirname "$0")/bytes.py" "$work/report.json" "$work/inspect.json" "$work/bench.json" || fail "$ranks ranks"
done
