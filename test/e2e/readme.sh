#!/usr/bin/env bash
# The commands in README.md and in the README of examples/digits work as they
# are written, and say what they say there.
source "$(dirname "$0")/lib.sh"

# Runs what stands in the blocks marked `sh` of the section whose heading is like
# PATTERN.
run_blocks() { # FILE PATTERN
  awk -v pattern="$2" '/^##? / && !inside { on = $0 ~ pattern } /^```/ { inside = on && /^```sh/; next } inside' "$1" >"$work/commands"
  [[ -s $work/commands ]] || fail "$1 has no commands after '$2'"
  bash -euo pipefail "$work/commands" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "a command of $1"; }
}

export PATH=$(dirname "$mlc"):$PATH
mkdir "$work/tree" && cp -r "$source_dir/examples" "$source_dir/README.md" "$work/tree"
cd "$work/tree"
run_blocks README.md '^## What it looks like'
grep -qE '^parameters +4,810$' "$work/said" || fail "README.md: inspect"
grep -qE '^test: 360 examples, loss 0\.[0-9]+, accuracy 0\.[89]' "$work/said" || fail "README.md: eval"

cd examples/digits
run_blocks README.md '^# digits'
grep -qE '^epoch 30, step 1350: last batch loss [0-9.]+, accuracy [0-9.]+; test loss 0\.3[0-9]+, accuracy 0\.[89]' "$work/said" ||
  fail "examples/digits: the last epoch"
[[ -s log.jsonl && -e run/latest/manifest.json ]] || fail "examples/digits: the log and the checkpoint"
