#!/usr/bin/env bash
# What `ninja install` puts somewhere works from there, away from the build:
# same plans, and the standard layers beside it are the ones that are used.
#
#   install.sh BUILD_DIR CMAKE SOURCE_DIR
set -euo pipefail
build=$1 cmake=$2 source_dir=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

"$cmake" --install "$build" --prefix "$work/usr" >"$work/log" || { cat "$work/log" >&2; fail "install"; }
bin=$work/usr/bin
for tool in mlc mlrun; do
  "$bin/$tool" --version
  readelf -d "$bin/$tool" | grep -E "R(UN)?PATH.*$build" && fail "$tool looks for libraries in the build"
done
digits=$work/usr/share/doc/mlc/examples/digits
[[ -f $digits/digits.csv.gz ]] || fail "the examples are not installed"
"$bin/mlc" "$digits/digits.mlg" -o "$work/digits.plan"
"$build/bin/mlc" "$source_dir/examples/digits/digits.mlg" -o "$work/built.plan"
cmp "$work/digits.plan" "$work/built.plan" || fail "an installed mlc compiles something else"
XDG_CACHE_HOME=$work/cache "$bin/mlrun" train "$work/digits.plan" --data "$digits" --steps 5 -q

layers=$work/usr/share/mlc/stdlib/layers.mlg
sed -i 's/^layer linear(/layer lineal(/' "$layers"
"$bin/mlc" "$digits/digits.mlg" -o "$work/digits.plan" 2>"$work/error" && fail "the installed layers are not read"
grep -q 'did you mean `lineal`' "$work/error" || { cat "$work/error"; fail "another error than that linear is gone"; }
echo "the installed tools work"
