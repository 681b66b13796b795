#!/usr/bin/env bash
# A run killed with SIGKILL at a random moment and resumed ends in the same bits
# as one never stopped; so does one stopped by SIGINT.
source "$(dirname "$0")/lib.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"
common=("$work/digits.plan" --data "$digits" --epochs 60)
"$mlrun" train "${common[@]}" -n 1 -o "$work/whole.safetensors" >"$work/whole.out" 2>&1 || { cat "$work/whole.out"; fail "the run never stopped"; }

for signal in KILL INT; do
  for devices in 1 2; do
    checkpoint=$work/checkpoint-$signal-$devices
    for delay in 0.$((RANDOM % 3 + 1)) 0.$((RANDOM % 4 + 2)); do
      resume=()
      [[ -e $checkpoint/latest ]] && resume=(--resume)
      "$mlrun" train "${common[@]}" -n "$devices" --checkpoint "$checkpoint" --checkpoint-every 7 "${resume[@]}" \
        >"$work/stopped.out" 2>&1 &
      pid=$!
      sleep "$delay"
      kill -"$signal" "$pid" 2>/dev/null || true
      wait "$pid" || true
    done
    no_process_left
    resume=()
    [[ -e $checkpoint/latest ]] && resume=(--resume)
    "$mlrun" train "${common[@]}" -n "$devices" --checkpoint "$checkpoint" --checkpoint-every 7 "${resume[@]}" \
      -o "$work/resumed.safetensors" >"$work/resumed.out" 2>&1 || { cat "$work/resumed.out"; fail "resuming after SIG$signal on $devices"; }
    cmp "$work/whole.safetensors" "$work/resumed.safetensors" || fail "other bits after SIG$signal on $devices devices"
  done
done

# One signal ends a run with its own code and a checkpoint; nohup keeps a run.
stopped_by() { # SIGNAL CODE DEVICES
  local status=0
  rm -rf "$work/stopped"
  "$mlrun" train "$work/digits.plan" --data "$digits" --epochs 1000000 -n "$3" --checkpoint "$work/stopped" \
    --checkpoint-every 100000000 >"$work/stopped.out" 2>&1 &
  pid=$!
  sleep 1
  kill -"$1" "$pid"
  wait "$pid" || status=$?
  [[ $status -eq $2 ]] || { tail -5 "$work/stopped.out" >&2; fail "SIG$1 on $3 devices: exit code $status instead of $2"; }
  grep -q "interrupted after step [0-9]*; a checkpoint is in .*, go on with --resume" "$work/stopped.out" || fail "SIG$1: no checkpoint"
  [[ -e $work/stopped/latest/manifest.json ]] || fail "SIG$1 on $3 devices: no checkpoint is there"
}
for devices in 1 2; do
  stopped_by INT 130 $devices
  stopped_by TERM 143 $devices
  stopped_by HUP 143 $devices
  nohup "$mlrun" train "$work/digits.plan" --data "$digits" --epochs 1000000 -n $devices -q >"$work/nohup.out" 2>&1 &
  pid=$!
  sleep 1
  kill -HUP "$pid"
  sleep 1
  kill -0 "$pid" || fail "SIGHUP ended a run on $devices devices under nohup"
  kill -TERM "$pid"
  wait "$pid" || true
done
no_process_left
echo "the same bits after every stop"
