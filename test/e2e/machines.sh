# shellcheck shell=bash disable=SC2154
# Machines for the end-to-end scripts: network namespaces around a bridge in a
# namespace of its own, which all go when the script ends. Sourced after lib.sh.

net=mlrun$$
machines=0
what="" # is tried, for messages
declare -A process=()

# make_machines COUNT: skips the test where that is not allowed.
make_machines() {
  local reason
  reason=$(ip netns add "$net-switch" 2>&1) || { echo "SKIPPED: no network namespaces: $reason"; exit 77; }
  trap remove_machines EXIT
  reason=$(ip -n "$net-switch" link add bridge type bridge 2>&1) || { echo "SKIPPED: no bridge: $reason"; exit 77; }
  ip -n "$net-switch" link set bridge up mtu 9000
  while ((machines < $1)); do
    local host=$net-$machines
    ip netns add "$host"
    ip -n "$net-switch" link add "port$machines" mtu 9000 type veth peer name eth0 netns "$host" mtu 9000
    ip -n "$net-switch" link set "port$machines" master bridge up
    ip -n "$host" link set lo up
    ip -n "$host" link set eth0 up mtu 9000
    ip -n "$host" address add "$(address $machines)/24" dev eth0
    machines=$((machines + 1))
  done
}

remove_machines() {
  local i pid
  for pid in "${process[@]}"; do
    kill -KILL "$pid" 2>/dev/null || true
  done
  for ((i = 0; i < machines; ++i)); do
    ip netns del "$net-$i" || true
  done
  ip netns del "$net-switch" || true
}

address() { echo "10.77.0.$(($1 + 1))"; }
# Bytes that a machine has sent, from the Ethernet header on.
sent_bytes() { ip netns exec "$net-$1" cat /sys/class/net/eth0/statistics/tx_bytes; }
cut() { ip -n "$net-switch" link set "port$1" down; }
join() { ip -n "$net-switch" link set "port$1" up; }

# start MACHINE RANK "VARIABLE=VALUE..." ARGUMENTS...: mlrun, in the background.
start() {
  local machine=$1 rank=$2 variables=$3
  shift 3
  : >"$work/$rank.err" # nobody shall read what another run said
  # `exec`s only, so that the process is mlrun.
  # shellcheck disable=SC2086
  ip netns exec "$net-$machine" env MASTER_ADDR="$(address 0)" MASTER_PORT=29500 MLRUN_SECRET="of $net" $variables \
    "$mlrun" "$@" >"$work/$rank.out" 2>"$work/$rank.err" &
  process[$rank]=$!
}
process_of() { echo "${process[$1]}"; }

# expect_end CODE PATTERN SECONDS RANK...: these end with CODE within SECONDS
# and each says PATTERN.
expect_end() {
  local code=$1 pattern=$2 seconds=$3 rank status
  local until=$((SECONDS + seconds))
  shift 3
  for rank in "$@"; do
    while [[ -e /proc/${process[$rank]} ]] && ((SECONDS < until)); do sleep 0.05; done
    [[ ! -e /proc/${process[$rank]} ]] || { tail "$work"/*.err >&2; fail "$what: rank $rank has not ended after $seconds s"; }
    status=0
    wait "${process[$rank]}" || status=$?
    unset "process[$rank]"
    [[ $status -eq $code ]] || { tail "$work"/?.err >&2; fail "$what: rank $rank ended with $status instead of $code"; }
    [[ $code -eq 0 ]] || grep -qE "error.*$pattern" "$work/$rank.err" ||
      { cat "$work/$rank.err" >&2; fail "$what: rank $rank does not say '$pattern'"; }
  done
}
# expect_all CODE PATTERN [SECONDS]: the same for every rank that was started.
expect_all() {
  expect_end "$1" "$2" "${3:-60}" "${!process[@]}"
  no_process_left
}
