#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test; then the runtime's tests
# again under sanitizers. The last lines count the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh --tests
log=build/check.log
mkdir -p build
: >"$log"
failed=0

run_preset() { # PRESET [ctest arguments...]
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  ctest --preset "$preset" --timeout 900 "$@" 2>&1 | tee -a "$log" || failed=1
}

run_preset release -j2
run_preset sanitize -j2 -L sanitize
run_preset thread-sanitize -j2 -L tsan

# ctest counts a lit suite as one test; count its cases instead.
read -r passed broken skipped < <(awk '
  / Passed +[0-9.]+ sec/ && !/lit\./ { passed++ }
  /\*\*\*(Failed|Timeout|Exception|Not Run)/ && !/lit\./ { broken++ }
  /\*\*\*Skipped/ { skipped++ }
  /^ *Passed +: +[0-9]+/ { passed += $3 }
  /^ *(Failed|Timed Out|Unresolved) *: +[0-9]+/ { broken += $NF }
  /^ *Unsupported *: +[0-9]+/ { skipped += $3 }
  END { print passed + 0, broken + 0, skipped + 0 }' "$log")
((broken > 0)) && failed=1
((failed && broken == 0)) && broken=1
echo
echo "$passed passed, $broken failed, $skipped skipped"
exit "$failed"
