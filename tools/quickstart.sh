#!/usr/bin/env bash
# Installs what is needed, builds, compiles examples/digits and trains it on one
# and on two devices.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh
[[ -f build/build.ninja ]] || cmake --preset release
cmake --build --preset release --target mlc mlrun

out=build/quickstart
mkdir -p "$out"
build/bin/mlc examples/digits/digits.mlg --mesh 'data=*' --set train.microbatch=16 -o "$out/digits.plan"
for devices in 1 2; do
  run="$out/on-$devices"
  rm -rf "$run" && mkdir -p "$run"
  echo
  echo "== training on $devices device(s)"
  build/bin/mlrun train "$out/digits.plan" --data examples/digits -n "$devices" \
    --checkpoint "$run/checkpoint" --log "$run/log.jsonl" -o "$run/weights.safetensors"
  build/bin/mlrun eval "$out/digits.plan" --data examples/digits --weights "$run/weights.safetensors" --split test
done
echo
cat <<TEXT
plan        $out/digits.plan
checkpoints $out/on-1/checkpoint  $out/on-2/checkpoint
weights     $out/on-1/weights.safetensors  $out/on-2/weights.safetensors
metrics     $out/on-1/log.jsonl  $out/on-2/log.jsonl
TEXT
if cmp -s "$out/on-1/weights.safetensors" "$out/on-2/weights.safetensors"; then
  echo "the weights after training on 1 and on 2 devices are the same, bit for bit"
else
  echo "error: the weights after training on 1 and on 2 devices differ" >&2
  exit 1
fi
