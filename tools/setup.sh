#!/usr/bin/env bash
# Installs the packages that the build (and with `--tests` the tests) needs, on
# Debian 12. Does nothing when they are there. Works as root and with sudo.
set -euo pipefail

packages=(
  cmake ninja-build ccache g++ clang-22 lld-22 llvm-22-dev llvm-22-tools liblld-22-dev
  libmlir-22-dev mlir-22-tools zlib1g-dev libzstd-dev libxml2-dev
  flatbuffers-compiler libflatbuffers-dev libgloo-dev libcli11-dev nlohmann-json3-dev
  libxxhash-dev libgtest-dev libgmock-dev dataset-fashion-mnist
)
tests=(clang-format-22 clang-tidy-22 libclang-rt-22-dev python3 python3-psutil python3-numpy
       python3-torch python3-jsonschema iproute2 procps)
[[ ${1:-} == --tests ]] && packages+=("${tests[@]}")

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "packages: all ${#packages[@]} are installed"
  exit 0
fi

echo "packages: about to install with apt-get: ${missing[*]}"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "error: not root and no sudo; run this as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
