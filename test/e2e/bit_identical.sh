#!/usr/bin/env bash
# The weights after 200 steps are the same bits for every number of devices that
# is a power of two, communicator and number of threads; for others they agree to
# 1e-6 of the largest.
source "$(dirname "$0")/lib.sh"

"$mlc" "$digits/digits.mlg" --set train.batch=64 --set train.microbatch=8 --mesh 'data=*' -o "$work/digits.plan"
train() { # NAME ARGUMENTS...
  local name=$1
  shift
  "$mlrun" train "$work/digits.plan" --data "$digits" --steps 200 -o "$work/$name.safetensors" "$@" \
    >"$work/$name.out" 2>&1 || { cat "$work/$name.out" >&2; fail "training with $*"; }
  cmp "$work/reference.safetensors" "$work/$name.safetensors" || fail "other bits with $*"
}
"$mlrun" train "$work/digits.plan" --data "$digits" --steps 200 -n 1 --threads 1 \
  -o "$work/reference.safetensors" >"$work/reference.out" 2>&1 || { cat "$work/reference.out"; fail "reference"; }
"$mlrun" init "$work/digits.plan" --seed 0 -o "$work/init.safetensors"
cmp -s "$work/init.safetensors" "$work/reference.safetensors" && fail "training changed nothing"

train one-2-threads -n 1 --threads 2
train one-3-threads -n 1 --threads 3
for comm in threads shm gloo; do
  for devices in 2 4 8; do
    train "$comm-$devices" -n "$devices" --comm "$comm" --threads 1
  done
  train "$comm-2-threads-2" -n 2 --comm "$comm" --threads 2
done
agree() { python3 "$(dirname "$0")/agree.py" "$work/reference.safetensors" "$1" 1e-6; }
for devices in 3 5 6 7; do
  "$mlrun" train "$work/digits.plan" --data "$digits" --steps 200 -n $devices --threads 1 -q -o "$work/odd.safetensors"
  agree "$work/odd.safetensors" || fail "other weights with -n $devices"
done
agree "$work/init.safetensors" 2>"$work/stderr" && fail "weights that were not trained agree"
grep -q "apart, of" "$work/stderr" || { cat "$work/stderr" >&2; fail "agree.py fails by itself"; }

# Convolutions and pools: a sum over images and pixels, whoever has the images.
fashion=${MLC_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
if [[ -f $fashion/train-images-idx3-ubyte.gz ]]; then
  "$mlc" "$source_dir/examples/fashion_mnist/lenet.mlg" --mesh 'data=*' --set train.microbatch=8 -o "$work/lenet.plan"
  lenet() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$mlrun" train "$work/lenet.plan" --data "$fashion" --steps 30 -q -o "$work/lenet-$name.safetensors" "$@"
    cmp "$work/lenet-1.safetensors" "$work/lenet-$name.safetensors" || fail "lenet: other bits with $*"
  }
  lenet 1 -n 1 --threads 1
  lenet 1-threads-3 -n 1 --threads 3
  for devices in 2 4 8; do
    lenet $devices -n $devices --threads 1
  done
fi
echo "the same bits in every run"
