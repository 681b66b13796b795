#!/usr/bin/env bash
# clang-tidy over C++ files, by hand before a commit: a file that includes MLIR
# takes 10 to 30 s, too long for every file in every run of the tests.
#
#   tidy.sh [BUILD_DIR]              what differs from the branch main
#   tidy.sh BUILD_DIR --all          every file
#   tidy.sh BUILD_DIR FILE...        these
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
shift || true
tidy=$(command -v clang-tidy-22) || { echo "error: clang-tidy-22 is not installed" >&2; exit 1; }
[[ -f $build/compile_commands.json ]] || { echo "error: no $build/compile_commands.json; build first" >&2; exit 1; }

if [[ ${1:-} == --all ]]; then
  mapfile -t files < <(git ls-files '*.cpp')
elif (($# > 0)); then
  files=("$@")
else
  base=$(git merge-base main HEAD 2>/dev/null || git merge-base origin/main HEAD)
  # A header is checked through the source file of the same name.
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h' | sed 's/\.h$/.cpp/' | sort -u)
fi
known=()
for file in "${files[@]}"; do
  if [[ -f $file ]] && grep -qF "/$file\"" "$build/compile_commands.json"; then known+=("$file"); fi
done
((${#known[@]} > 0)) || { echo "nothing to check"; exit 0; }
printf '%s\0' "${known[@]}" |
  xargs -0 -n1 -P "$(nproc)" sh -c '"$0" -p "$1" --quiet "$2" 2>/dev/null || { echo "in $2"; exit 1; }' "$tidy" "$build" ||
  { echo "FAILED: clang-tidy has findings" >&2; exit 1; }
echo "clang-tidy finds nothing in ${#known[@]} files"
