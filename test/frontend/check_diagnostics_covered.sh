#!/bin/sh
# Fails if a code of frontend/DiagnosticCodes.def is expected by no test, or if
# a test expects a code that does not exist.
#
#   check_diagnostics_covered.sh SOURCE_DIR
set -eu
cd "$1"

defined=$(sed -n 's/^MLC_DIAGNOSTIC(\(E[0-9]*\),.*/\1/p' frontend/DiagnosticCodes.def | sort -u)
expected=$({
  grep -rhoE '[A-Z-]+: error\[E[0-9]+\]' test --include='*.mlg' --include='*.test'
  grep -rhoE '"E[0-9]{4}"' test/frontend --include=SemanticsTest.cpp --include=Mistakes.inc
} | grep -oE 'E[0-9]+' | sort -u)

[ -n "$defined" ] || { echo "no codes found in frontend/DiagnosticCodes.def" >&2; exit 1; }
failed=0
for code in $defined; do
  if ! echo "$expected" | grep -qx "$code"; then
    echo "$code is expected by no test: add one to test/frontend/errors" >&2
    failed=1
  fi
done
for code in $expected; do
  if ! echo "$defined" | grep -qx "$code"; then
    echo "a test expects $code, which frontend/DiagnosticCodes.def does not have" >&2
    failed=1
  fi
done
exit $failed
