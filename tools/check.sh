#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test; then the runtime's tests
# again under sanitizers, and its threads under TSan. The last lines count the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh --tests
log=build/check.log
mkdir -p build
: >"$log"
failed=0

run_tests() { # PRESET BUILD_DIR TARGET CTEST_DIR [ctest arguments...]
  local preset=$1 folder=$2 target=$3 tests=$4
  shift 4
  cmake --preset "$preset" >/dev/null
  cmake --build "$folder" --target "$target"
  echo "== tests of the preset $preset"
  ctest --test-dir "$tests" --output-on-failure --timeout 900 -j2 --no-tests=error "$@" 2>&1 | tee -a "$log" || failed=1
}

# libMLIR is not instrumented: the sanitizers watch the runtime, which reads
# files and talks to peers.
export ASAN_OPTIONS=detect_container_overflow=0
run_tests release build all build
# The plans that the release tests made of the examples, for PlanDamage.
plans=$PWD/build/test/runtime/exec
export MLRUN_TEST_PLANS=$plans/digits.plan:$plans/mlp.plan
# Those of its own would need an mlc built there.
run_tests sanitize build-sanitize test/runtime/all build-sanitize/test/runtime -E 'PlanDamage\.(compile_)?(digits|mlp)$'
# Damaged models; this part of the front end has no MLIR.
run_tests sanitize build-sanitize syntax_test build-sanitize/test/frontend -R SyntaxFuzz
# What runs in threads of one process.
export MLRUN_TEST_PLANS=$plans/digits.plan
run_tests thread-sanitize build-tsan test/runtime/all build-tsan/test/runtime \
  -R '/threads|Threads/|BatchLoader|StoreTest|SumsTest|AnIntactPlan'

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
