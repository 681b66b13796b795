#!/usr/bin/env bash
# mlrun needs no LLVM, no MLIR and no Python.
set -euo pipefail
libraries=$(ldd "$1")
if grep -iE 'llvm|mlir|python' <<<"$libraries"; then
  echo "error: mlrun links these" >&2
  exit 1
fi
echo "mlrun links $(wc -l <<<"$libraries") libraries, none of LLVM, MLIR or Python"
