#!/usr/bin/env bash
# Every C++ file is as clang-format 22 writes it.
set -euo pipefail
cd "$1"
format=$(command -v clang-format-22) || { echo "skipped: clang-format-22 is not installed"; exit 77; }
git ls-files '*.cpp' '*.h' | xargs -r "$format" --dry-run -Werror
echo "all files are formatted"
