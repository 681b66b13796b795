#!/usr/bin/env bash
# A run killed with SIGKILL at a random moment and resumed ends in the same bits
# as one never stopped, with the same log; so does one stopped by SIGINT.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"
common=("$work/digits.plan" --data "$digits" --epochs 60)
"$mlrun" train "${common[@]}" -n 1 -o "$work/whole.safetensors" --log "$work/whole.jsonl" >"$work/whole.out" 2>&1 || { cat "$work/whole.out"; fail "the run never stopped"; }

for signal in KILL INT; do
  for devices in 1 2; do
    checkpoint=$work/checkpoint-$signal-$devices
    log=$checkpoint.jsonl
    for delay in 0.$((RANDOM % 3 + 1)) 0.$((RANDOM % 4 + 2)); do
      "$mlrun" train "${common[@]}" -n "$devices" --checkpoint "$checkpoint" --checkpoint-every 7 --resume \
        --log "$log" >"$work/stopped.out" 2>&1 &
      pid=$!
      sleep "$delay"
      kill -"$signal" "$pid" 2>/dev/null || true
      wait "$pid" || true
    done
    no_process_left
    "$mlrun" train "${common[@]}" -n "$devices" --checkpoint "$checkpoint" --checkpoint-every 7 --resume \
      --log "$log" -o "$work/resumed.safetensors" >"$work/resumed.out" 2>&1 ||
      { cat "$work/resumed.out"; fail "resuming after SIG$signal on $devices"; }
    cmp "$work/whole.safetensors" "$work/resumed.safetensors" || fail "other bits after SIG$signal on $devices devices"
    python3 "$here/logs.py" same "$work/whole.jsonl" "$log" || fail "another log after SIG$signal on $devices devices"
  done
done

# A line that was not finished goes; who is done adds none.
printf '{"schema_version":1,"step":9' >>"$log"
"$mlrun" train "${common[@]}" --checkpoint "$checkpoint" --resume --log "$log" -q
python3 "$here/logs.py" same "$work/whole.jsonl" "$log" || fail "another log after a run that had nothing left"
"$mlrun" train "${common[@]}" --checkpoint "$checkpoint" --resume --log "$work/other.jsonl" -q
[[ $(grep -c '"split":"test"' "$work/other.jsonl") -eq 1 ]] || fail "no evaluation in another log"

# A lost link `latest` is found again, past a damaged checkpoint; who is done
# says so and changes nothing.
checkpoint=$work/checkpoint-lost
resumed() { "$mlrun" train "$@" --checkpoint "$checkpoint" --resume >"$work/resumed.out" 2>&1 || { cat "$work/resumed.out"; fail "resuming: $*"; }; }
say() { grep -qE -- "$1" "$work/resumed.out" || { cat "$work/resumed.out"; fail "no '$1'"; }; }
steps=("${common[@]:0:3}" --steps 40)
resumed "${steps[@]}" --checkpoint-every 7
say "no checkpoint in $checkpoint yet: beginning from the start"
[[ -d $checkpoint/step-35 && $(readlink "$checkpoint/latest") == step-40 ]] || fail "other checkpoints than 35 and 40"
rm "$checkpoint/latest"
truncate -s 1000 "$checkpoint/step-40/weights.safetensors"
resumed "${common[@]}" --checkpoint-every 100000000 -o "$work/resumed.safetensors"
say "latest' is missing or leads nowhere: taking '$checkpoint/step-35', the newest intact checkpoint .step-40 is damaged: "
cmp "$work/whole.safetensors" "$work/resumed.safetensors" || fail "other bits after a lost link"
[[ -d $checkpoint/step-35 && ! -e $checkpoint/step-40 ]] || fail "the damaged checkpoint is kept, not the intact one"
ln -sfn step-999 "$checkpoint/latest"
for epochs in 60 3; do
  resumed "${common[@]:0:3}" --epochs $epochs
  say "^already at step [0-9]+: nothing left to train, give a larger --epochs or --steps; checkpoint in"
  ! grep -q "trained" "$work/resumed.out" || fail "trained 0 steps"
done

# Who does not have the folder to himself says so before he reads it, the data
# or anything else, and leaves it as it is.
ln -sfn step-999 "$checkpoint/latest"
for data in "$digits" "$work/nowhere"; do
  expect_exit 1 "$checkpoint: another run writes there; wait for its end" flock "$checkpoint/.lock" \
    "$mlrun" train "${common[0]}" --data "$data" --epochs 60 --checkpoint "$checkpoint" --resume
done
[[ $(readlink "$checkpoint/latest") == step-999 ]] || fail "a run without the lock pointed latest elsewhere"

# One signal ends a run with its own code and a checkpoint; nohup keeps a run.
stopped_by() { # SIGNAL CODE DEVICES
  local status=0
  rm -rf "$work/stopped" "$work/stopped.out"
  "$mlrun" train "$work/digits.plan" --data "$digits" --epochs 1000000 -n "$3" --checkpoint "$work/stopped" \
    --checkpoint-every 100000000 >"$work/stopped.out" 2>&1 &
  pid=$!
  wait_for "epoch 1" "$work/stopped.out"
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
  rm -f "$work/nohup.out"
  nohup "$mlrun" train "$work/digits.plan" --data "$digits" --epochs 1000000 -n $devices >"$work/nohup.out" 2>&1 &
  pid=$!
  wait_for "epoch 1" "$work/nohup.out"
  kill -HUP "$pid"
  sleep 1
  kill -0 "$pid" || fail "SIGHUP ended a run on $devices devices under nohup"
  kill -TERM "$pid"
  wait "$pid" || true
done
no_process_left
echo "the same bits after every stop"
