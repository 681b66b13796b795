#!/usr/bin/env bash
# Every plan that mlc writes is one that mlrun accepts: models of one line, most
# of them with something missing (no kernel, no batch, no parameter), with a
# micro-batch of one row, of several, and without a train block. Those with a
# loss take a step.
source "$(dirname "$0")/lib.sh"
cd "$work"
printf '1,2,3,4,0\n2,-1,0,5,1\n-3,2,2,1,2\n0.5,4,1,1,2\n' >rows.csv

train() {
  cat <<END
data { train = csv("rows.csv", columns = (x = 0..4, k = 4)) }
train { steps = 2; batch = 4; microbatch = $1; optimizer = ${2:-sgd(lr = 0.1)}; ${3:-} }
END
}

# check NAME STATEMENTS...: mlrun accepts the plan that is in NAME.mlg.
check() {
  "$mlc" "$1.mlg" -o "$1.plan" 2>"$1.err" || { cat "$1.err" >&2; fail "mlc refuses $1: ${*:2}"; }
  "$mlrun" inspect "$1.plan" >"$1.out" 2>&1 || { cat "$1.out" >&2; fail "mlrun refuses the plan of $1: ${*:2}"; }
}

count=0
# model STATEMENTS: compiled alone, and if it has a loss, trained.
model() {
  count=$((count + 1))
  local name=m$count
  printf 'model %s {\n input x: f32[B, 4]\n input k: i32[B]\n%s\n}\n' "$name" "$1" >"$name.mlg"
  check "$name" "$1"
  [[ $1 == *loss* ]] || return 0
  local microbatch
  for microbatch in 1 2 4; do
    { cat "$name.mlg"; train "$microbatch" "${2:-}" "${3:-}"; } >"$name-$microbatch.mlg"
    check "$name-$microbatch" "$1"
    "$mlrun" train "$name-$microbatch.plan" --data . >"$name.out" 2>&1 ||
      { cat "$name.out" >&2; fail "no training with microbatch $microbatch: $1"; }
  done
}

# No kernel: what is returned is an input, or memory in another shape.
model ' output c = x'
model ' output c = x[:, :, None]'
model ' output c = reshape(x, [B, 2, 2])'
model ' output c = ones_like(x); output d = x'
model ' output c = zeros_like(k) + k'
model ' output c = k; output d = k'
model ' output c = softmax_cross_entropy(x, k)'
model ' output c = argmax(x, axis = 1) == k'
model ' output c = x @ ones([4, 3])'
# No batch in the loss, in the metric, or in the model's outputs.
model ' param w: f32[4] = ones
 loss sum(w ^ 2)'
model ' param w: f32[4] = ones
 loss sum(w ^ 2) + mean(x)
 metric a = sum(w)'
model ' param w: f32[] = ones
 loss w'
model ' param w: f32[4] = ones
 param v: f32[4] = ones
 loss mean(x * w)
 metric a = sum(v)' 'adamw(lr = 0.1)'
model ' param w: f32[4] = ones
 loss mean(x * w)
 metric a = sum(w)'
# Types: bools and integers over the batch, halves, f64.
model ' metric a = float(max(k == 2))'
model ' metric a = float(min(k < 2))'
model ' metric a = min(k); metric c = max(-k); metric d = sum(u8(k)); metric e = sum(i64(k))'
model ' metric a = mean(f16(x)); metric c = max(bf16(x)); metric d = sum(f64(x))'
model ' param w: f16[4] = ones
 loss mean(f16(x) * w)
 metric a = float(max(k == 2))'
model ' param w: f32[4] = ones
 param v: f64[4] = ones
 loss mean(x * w) + f32(mean(f64(x) * v))' 'adam(lr = 0.1)' 'clip_norm = 0.5'
model ' param w: f16[4] = ones
 param v: bf16[4] = ones
 loss mean(f32(f16(x) * w)) + mean(f32(bf16(x) * v))' 'sgd(lr = 0.1)' 'clip_norm = 0.5'
# A dimension of 1 beside the batch.
model ' param w: f32[1, 4] = ones
 loss mean(x * w)'
model ' param w: f32[1] = ones
 loss mean(x[:, 0] * w)
 output c = x[None][0] * w'
model ' param w: f32[1, 4] = ones
 loss mean(x[None] * w)'
model ' param w: f32[4, 1] = ones
 loss mean(transpose(w @ reshape(x[:, 0], [1, B])))'
model ' param w: f32[4] = ones
 loss mean((x * w)[:, None, ::2, None])'
# Nothing is trained that the loss does not need.
model ' loss mean(x)'
model ' param w: f32[4] = ones
 loss mean(x)
 metric a = sum(w)'
echo "$count models"

# A label that is valid in every row given is valid in the padding behind them.
cat >padded.mlg <<END
model padded {
  input x: f32[B, 4]
  input k: i32[B]
  output c = softmax_cross_entropy(x, k - 1)
}
train { batch = 4 }
END
check padded
python3 - <<'END'
import struct
def npy(name, descr, shape, numbers):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    data = struct.pack("<%d%s" % (len(numbers), {"<f4": "f", "<i4": "i"}[descr]), *numbers)
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
npy("x.npy", "<f4", "(6, 4)", [1] * 24)
npy("k.npy", "<i4", "(6,)", [1, 2, 3, 4, 1, 2])
END
"$mlrun" infer padded.plan --input x=@x.npy --input k=@k.npy --output c=@c.npy
echo "padding is no label"
