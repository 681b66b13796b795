#!/usr/bin/env bash
# A compute thread allocates nothing after the first step: 20 steps make as many
# calls of malloc, mmap and the like as one does. The threads that load batches,
# beat, and speak with Gloo have names of their own; all others are compute
# threads: the pool's, and the one that runs the steps and their collectives.
source "$(dirname "$0")/lib.sh"
preload=$5

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"
"$mlrun" train "$work/digits.plan" --data "$digits" --steps 1 >"$work/out" 2>&1 # fills the cache

# calls STEPS ARGUMENTS...: a line for each process that runs ranks, in the
# order of its ranks: calls by its compute threads.
calls() {
  local steps=$1 file
  shift
  rm -f "$work"/counts.*
  COUNT_ALLOCATIONS=$work/counts LD_PRELOAD=$preload \
    "$mlrun" -q train "$work/digits.plan" --data "$digits" --log "$work/log" --steps "$steps" "$@" >"$work/out" 2>&1 ||
    { cat "$work/out" >&2; fail "training with $*"; }
  local counts=("$work"/counts.*)
  for file in $(ls -v "${counts[@]}"); do
    # A supervisor runs no rank.
    if ((${#counts[@]} > 1)) && grep -q "forked 0" "$file"; then continue; fi
    awk '$1 == "thread" && $2 !~ /^(loader|heart|communication|store)$/ {calls += $4} END {print calls + 0}' "$file"
  done
}

# What is around the steps may differ by some calls: another attempt to connect,
# a longer text at the end; on a loaded machine by more than 4. A call in every
# step is there in every try, one in a try is not.
check() {
  local try
  for try in 1 2; do
    (check_once "$@") 2>"$work/tried" && return
  done
  check_once "$@"
}

check_once() {
  local one twenty process
  mapfile -t one < <(calls 1 "$@")
  mapfile -t twenty < <(calls 20 "$@")
  ((${#one[@]} > 0 && ${#one[@]} == ${#twenty[@]})) || fail "$*: counts of ${#one[@]} and ${#twenty[@]} processes"
  for process in "${!one[@]}"; do
    ((one[process] > 100)) || fail "$*: the count of process $process is ${one[process]}: nothing is counted"
    # One call a step would be 19.
    ((twenty[process] <= one[process] + 4)) ||
      fail "$*: compute threads of process $process allocate after the first step: ${one[process]} calls for 1 step, ${twenty[process]} for 20"
  done
  echo "$*: ${one[*]} calls for 1 step, ${twenty[*]} for 20"
}

check -n 1 --threads 1
check -n 1 --threads 3
for comm in threads shm gloo; do
  check -n 2 --comm $comm --threads 1
  check -n 2 --comm $comm --threads 2
done
check -n 3 --comm gloo --threads 1
