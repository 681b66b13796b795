#!/usr/bin/env bash
# Ranks on several machines: network namespaces, each joined to a bridge by a
# veth pair. The same bits as one process, whoever starts the ranks; a machine
# that is cut off or stopped is named by the others; rendezvous errors.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/machines.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"
make_machines 3

steps=(--data "$digits" --steps 200)
"$mlrun" train "$work/digits.plan" "${steps[@]}" -n 1 -o "$work/one.safetensors" >"$work/one.out" 2>&1 ||
  { cat "$work/one.out" >&2; fail "one process"; }

# same_bits NAME: all ranks ended well, and rank 0 wrote what one process did.
same_bits() {
  what=$1
  expect_all 0 ""
  cmp "$work/one.safetensors" "$work/many.safetensors" || fail "$what: other bits"
  rm "$work/many.safetensors"
  echo "$what: the same bits"
}

train() { echo train "$work/digits.plan" "${steps[@]}" -o "$work/many.safetensors"; }

# torchrun's variables, two machines with one rank each, then two ranks each.
start 0 0 "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1" $(train)
start 1 1 "RANK=1 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1" $(train)
same_bits "two machines"
for rank in 0 1 2 3; do
  start $((rank / 2)) $rank "RANK=$rank WORLD_SIZE=4 LOCAL_RANK=$((rank % 2)) LOCAL_WORLD_SIZE=2" $(train) --threads 1
done
same_bits "two machines with two ranks each"

# Slurm's variables: MASTER_ADDR is the first host of the list, its port is made
# from the job's number.
for rank in 0 1; do
  start $rank $rank "MASTER_ADDR= MASTER_PORT= SLURM_PROCID=$rank SLURM_NTASKS=2 SLURM_LOCALID=0 SLURM_NODEID=$rank
    SLURM_NNODES=2 SLURM_JOB_ID=31337 SLURM_STEP_ID=0 SLURM_STEP_NODELIST=$(address 0),$(address 1)" $(train)
done
same_bits "Slurm's variables"

for rank in 0 1; do
  start $rank $rank "OMPI_COMM_WORLD_RANK=$rank OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0
    OMPI_COMM_WORLD_LOCAL_SIZE=1" $(train)
done
same_bits "Open MPI's variables"

# The bytes that the communicator counts are those on the wire, within 5 %. The
# gradients of this model are 407,080 bytes: with two ranks each sends as much in
# a step, in two messages. Around a frame's 8,948 bytes of data (MTU 9000) are 66
# of Ethernet, IP and TCP with timestamps, 0.7 %, and what comes the other way is
# acknowledged with 66 for every second frame, 0.4 %; Gloo adds 48 bytes to each
# piece of 512 KiB and some messages to announce it, 0.1 %. Heartbeats and their
# answers are some KB/s of about 100 MB/s.
what="bytes on the wire"
"$mlc" "$source_dir/examples/fashion_mnist/mlp.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' \
  --report comm --json -o "$work/mlp.plan" >"$work/report.json"
"$mlrun" inspect "$work/mlp.plan" --json >"$work/inspect.json"
before=$(sent_bytes 0)
for rank in 0 1; do
  start $rank $rank "RANK=$rank WORLD_SIZE=2" bench "$work/mlp.plan" --steps 300 --threads 1 --json
done
expect_all 0 ""
python3 "$(dirname "$0")/bytes.py" "$work/report.json" "$work/inspect.json" "$work/0.out" $(($(sent_bytes 0) - before)) ||
  fail "$what"

# start_three TIMEOUT: one rank on each machine, until something ends it;
# returns when they train.
start_three() {
  for rank in 0 1 2; do
    start $rank $rank "RANK=$rank WORLD_SIZE=3" train "$work/digits.plan" --data "$digits" --epochs 1000000 --timeout "$1"
  done
  wait_for "epoch 1" "$work/0.err"
}
# named RANK...: each of these says which rank failed, in what, when, and where
# in the model. `victim` is that rank.
named() {
  local rank
  for rank in "$@"; do
    for pattern in "rank $victim" "all-reduce #[0-9]+ '" "of step [0-9]+" "digits\.mlg:[0-9]+"; do
      grep -qE "error.*$pattern" "$work/$rank.err" || { cat "$work/$rank.err" >&2; fail "$what: rank $rank does not say '$pattern'"; }
    done
  done
}

for victim in 0 1 2; do
  what="machine $victim cut off"
  start_three 4
  cut "$victim"
  expect_all 5 "rank [0-2]" 20
  others=(0 1 2)
  unset "others[$victim]"
  named "${others[@]}"
  join "$victim"
  echo "$what: $(grep -hm1 error "$work/${others[-1]}.err")"
done

for victim in 0 1 2; do
  what="rank $victim stopped"
  start_three 4
  kill -STOP "$(process_of $victim)"
  others=(0 1 2)
  unset "others[$victim]"
  expect_end 5 "rank $victim" 20 "${others[@]}"
  named "${others[@]}"
  # Going on, it finds the others gone.
  kill -CONT "$(process_of $victim)"
  expect_end 5 "rank" 20 "$victim"
  no_process_left
  echo "$what: $(grep -hm1 error "$work/${others[-1]}.err")"
done

what="a wrong secret"
start 0 0 "RANK=0 WORLD_SIZE=2" $(train) --timeout 4
start 1 1 "RANK=1 WORLD_SIZE=2 MLRUN_SECRET=guessed" $(train) --timeout 4
expect_end 1 "secret" 10 1
expect_end 5 "rank 1 of 2 has not come" 20 0
echo "$what: $(grep -hm1 error "$work/1.err")"

what="a missing rank"
start 0 0 "RANK=0 WORLD_SIZE=4" $(train) --timeout 3
start 2 2 "RANK=2 WORLD_SIZE=4" $(train) --timeout 3
expect_all 5 "ranks 1, 3 of 4 have not come to connect within 3.0 s" 20
echo "$what: $(grep -hm1 error "$work/0.err")"
