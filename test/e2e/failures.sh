#!/usr/bin/env bash
# A worker that is killed or stopped is named by the survivors within the
# timeout; all processes end with code 5 and none is left behind.
source "$(dirname "$0")/lib.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"

# workers PID: the worker processes below the supervisor.
workers() { pgrep -P "$1" | sort -n; }

for comm in shm gloo; do
  for signal in KILL STOP; do
    status=0
    rm -f "$work/err"
    "$mlrun" train "$work/digits.plan" --data "$digits" -n 3 --comm "$comm" --epochs 100000 --timeout 3 \
      >"$work/out" 2>"$work/err" &
    pid=$!
    wait_for "epoch 1" "$work/err"
    victim=$(workers "$pid" | sed -n 2p)
    [[ -n $victim ]] || { cat "$work/err"; fail "no worker to stop"; }
    begin=$SECONDS
    kill -"$signal" "$victim"
    wait "$pid" || status=$?
    took=$((SECONDS - begin))
    [[ $status -eq 5 ]] || { cat "$work/err" >&2; fail "$comm SIG$signal: exit code $status instead of 5"; }
    # Far below the default timeout of 30 s, and above what a starved machine adds.
    ((took <= 15)) || fail "$comm SIG$signal: took $took s with a timeout of 3 s"
    grep -qE "^error: rank 1 " "$work/err" || { cat "$work/err" >&2; fail "$comm SIG$signal: the victim, rank 1, is not named"; }
    grep -qE "step [0-9]+" "$work/err" || { cat "$work/err" >&2; fail "$comm SIG$signal: no step is named"; }
    grep -qE "digits\.mlg:[0-9]+:[0-9]+, in layer [a-z_]+ \(layers\.mlg:" "$work/err" ||
      { cat "$work/err" >&2; fail "$comm SIG$signal: no line of the model is named"; }
    no_process_left
    echo "$comm SIG$signal: $(grep -m1 error "$work/err")"
  done
done

# A rank that fails by itself ends all, with its one error and its exit code:
# rank 0 alone writes the log; a loss that is no number is the same on all.
sed 's/adam(lr = 1e-3)/sgd(lr = 1e30)/' "$digits/digits.mlg" >"$work/diverges.mlg"
"$mlc" "$work/diverges.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/diverges.plan"
for comm in threads shm gloo; do
  expect_exit 1 "error: rank 0: cannot write the log /dev/full: No space left" \
    "$mlrun" -q train "$work/digits.plan" --data "$digits" -n 4 --comm $comm --threads 1 --timeout 20 --log /dev/full
  [[ $(grep -c error "$work/stderr") -eq 1 ]] || { cat "$work/stderr" >&2; fail "$comm: more than one error"; }
  expect_exit 1 "error: rank [0-3]: the loss became nan at step" \
    "$mlrun" -q train "$work/diverges.plan" --data "$digits" -n 4 --comm $comm --threads 1 --timeout 20
  [[ $(grep -c error "$work/stderr") -eq 1 ]] || { cat "$work/stderr" >&2; fail "$comm: more than one error"; }
  no_process_left
  echo "$comm: one error of one rank"
done
