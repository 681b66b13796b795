# Shared by the end-to-end scripts. Sourced with: MLC MLRUN SOURCE_DIR WORK_DIR.
set -euo pipefail
mlc=$1 mlrun=$2 source_dir=$3 work=$4
digits=$source_dir/examples/digits
rm -rf "$work" && mkdir -p "$work"
export NO_COLOR=1 XDG_CACHE_HOME=$work/cache

fail() { echo "FAILED: $*" >&2; exit 1; }

# expect_exit CODE PATTERN COMMAND...: the command ends with CODE, says PATTERN
# on standard error, and says "error" once.
expect_exit() {
  local code=$1 pattern=$2 status=0
  shift 2
  timeout 120 "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
  if [[ $status -ne $code ]]; then
    cat "$work/stderr" >&2
    fail "'$*' ended with $status instead of $code"
  fi
  grep -qE -- "$pattern" "$work/stderr" || { cat "$work/stderr" >&2; fail "'$*' does not say '$pattern'"; }
  local errors
  errors=$(grep -cE '^(\[rank [0-9]+\] )?error(\[E[0-9]+\])?: ' "$work/stderr" || true)
  [[ $errors -eq 1 ]] || { cat "$work/stderr" >&2; fail "'$*' says $errors errors instead of one"; }
}

# wait_for PATTERN FILE: until the file has it; fails after a minute.
wait_for() {
  local until=$((SECONDS + 60))
  until grep -q -- "$1" "$2" 2>/dev/null; do
    ((SECONDS < until)) || { cat "$2" >&2; fail "no '$1' in a minute"; }
    sleep 0.1
  done
}

# A process that was killed may need a moment.
no_process_left() {
  local until=$((SECONDS + 5))
  while pgrep -f "mlrun .*$work/" >/dev/null; do
    ((SECONDS < until)) || { pgrep -af "mlrun .*$work/" >&2; fail "processes are left behind"; }
    sleep 0.1
  done
}
