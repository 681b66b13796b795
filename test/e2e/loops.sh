#!/usr/bin/env bash
# Models with loops: their gradients against central differences, mlrun against
# the interpreter, the same bits with 1, 2 and 4 devices, the same plan from
# every phase, and the same weights with and without `remat`.
source "$(dirname "$0")/lib.sh"
cd "$work"
python3 - <<'END' >rows.csv
import random
random.seed(0)
for row in range(37):
    print(*(f"{random.uniform(-2, 2):.3f}" for _ in range(12)), random.randrange(3), sep=",")
END
blocks='data { train = csv("rows.csv", columns = (x = 0..12, k = 12)); test = csv("rows.csv", columns = (x = 0..12, k = 12)) }
train { steps = 20; batch = 8; microbatch = 2; clip_norm = 1.0; optimizer = adam(lr = 0.01) }'

lstm='layer lstm(x: float[T, B, In], hidden: int) -> float[T, B, hidden] {
  param wx: float[In, 4 * hidden] = glorot_uniform
  param wh: float[hidden, 4 * hidden] = glorot_uniform
  param b: float[4 * hidden] = zeros
  return scan xt in x carry (h = zeros([B, hidden]), c = zeros([B, hidden])) {
    let (i, f, g, o) = split(xt @ wx + h @ wh + b, 4, axis = -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    yield h
  }
}
layer stack(x: float[T, B, In]) -> float[T, B, In] {
  let y = x
  repeat i in 0..2 { y = y |> lstm(In) as r[i] }
  return y
}'

# model NAME STATEMENTS: from the rows `f`, the sequence `s` and the labels `k`
# to `y`.
model() {
  cat >"$1.mlg" <<END
$lstm
model $1 {
  input x: f32[B, 12]
  input k: i32[B]
  let f = float(x)
  let s = transpose(reshape(f, [B, 3, 4]), [1, 0, 2])
$2
  let logits = y |> linear(3) as head
  output logits
  loss cross_entropy(logits, k)${3:-}
  metric accuracy = accuracy(logits, k)
}
$blocks
END
}

# check NAME: all of it.
check() {
  local name=$1 precision phase devices
  for precision in f32 f64; do
    local set=(--set "train.precision=$precision")
    "$mlc" "$name.mlg" "${set[@]}" -o "$name.plan" || fail "$name: compiling"
    "$mlc" "$name.mlg" "${set[@]}" --interpret 20 --data . >"$name.txt" || fail "$name: interpreting"
    "$mlrun" train "$name.plan" --data . --threads 2 -q --log "$name.jsonl" || fail "$name: training"
    python3 "$source_dir/test/e2e/same_numbers.py" "$name.txt" "$name.jsonl" \
      "$([[ $precision == f32 ]] && echo 2e-5 || echo 1e-10)" || fail "$name: other numbers in $precision"
  done
  "$mlc" "$name.mlg" --check-gradients >"$name.gradients" || { cat "$name.gradients" >&2; fail "$name: gradients"; }
  "$mlc" "$name.mlg" --mesh 'data=*' -o "$name.plan"
  for devices in 1 2 4; do
    "$mlrun" train "$name.plan" --data . -n $devices --threads 1 -q -o "$name-$devices.safetensors" ||
      fail "$name: training with -n $devices"
    cmp "$name-1.safetensors" "$name-$devices.safetensors" || fail "$name: other bits with -n $devices"
  done
  "$mlc" "$name.mlg" --mesh data=2 -o "$name.plan"
  for phase in graph grad dist local schedule kernels plan; do
    "$mlc" "$name.mlg" --mesh data=2 --emit $phase >"$name.$phase.mlir"
    "$mlc" "$name.$phase.mlir" --compile-from $phase -o "$name.again.plan" || fail "$name: from $phase"
    cmp "$name.plan" "$name.again.plan" || fail "$name: another plan from $phase"
  done
  # The phase local, over two simulated devices.
  "$mlc" "$name.mlg" --mesh data=2 --set train.precision=f64 --emit local >"$name.mlir"
  "$mlc" "$name.mlir" --compile-from local --interpret 20 --data . >"$name.txt"
  python3 "$source_dir/test/e2e/same_numbers.py" "$name.txt" "$name.jsonl" 1e-10 || fail "$name: the phase local differs"
  echo "$name"
}

odd='  let y = f |> linear(7) as up
'
model deep "$odd"'  repeat i in 0..3 { y = y + (y |> linear(7) as h[i] |> tanh) }'
check deep
model deep_remat "$odd"'  repeat i in 0..3 remat { y = y + (y |> linear(7) as h[i] |> tanh) }'
check deep_remat
cmp deep-1.safetensors deep_remat-1.safetensors || fail "other bits with remat"
model once "$odd"'  repeat i in 2..3 { y = y + (y |> linear(7) as h[i] |> tanh) }'
check once
model deep_group "$odd"'  repeat i in 1..4 { y = y + (y |> linear(7) as h[i] |> tanh) }'
sed -i 's/^train {.*/train { steps = 20; batch = 8; microbatch = 2; optimizer = adamw(lr = 0.01); group "h.*.b" { weight_decay = 0 } }/' deep_group.mlg
check deep_group
model recurrent '  let y = (s |> lstm(5) as r)[-1]'
check recurrent
# A scan in a repeat, from a layer of another layer.
model stacked '  let y = sum(s |> stack, axis = 0)'
check stacked
# A repeat in a scan.
model steps '  param w: float[4, 4] = glorot_uniform
  let ys = scan t in s carry (h = zeros([B, 4])) {
    let before = h
    repeat i in 0..2 { h = tanh(h @ w + t) }
    yield (h - before) |> linear(4) as q
  }
  let y = mean(ys, axis = 0)'
check steps
model nested '  let y = f |> linear(4) as up
  repeat i in 0..3 {
    let a = y
    repeat j in 1..3 { y = y + (y |> linear(4) as h[i, j] |> tanh) }
    y = a * y + float(i)
  }'
check nested
model swapped '  let a = f |> linear(4) as ua
  let b = f |> linear(4) as ub
  repeat i in 0..3 { (a, b) = (b, a |> linear(4) as h[i] |> tanh) }
  let y = a + b * 2'
check swapped
# A carried value of the parameters alone, whose cotangent is a sum over rows;
# several sequences and yields, and parameters of a loop outside of it.
model whole_carry '  param w: float[4, 4] = glorot_uniform
  param c0: float[4] = ones
  let (a, b) = scan (t, u) in (s, s * 2) carry (h = zeros([B, 4]), c = c0) {
    let n = tanh(t @ w + h * c)
    c = c * 0.9 + 0.1
    (h, c) = (n, c)
    yield (h + u, c)
  }
  let y = a[-1] + a[0] + sum(b)' ' + 0.1 * sum(b[-1] ^ 2)'
check whole_carry
model branches '  param c0: float[4] = ones
  let (c, y) = (c0, f |> linear(4) as up)
  repeat i in 0..3 {
    y = y |> linear(4) as h[i] |> relu
    y = y * c
    c = relu(c * 0.9 + 0.1) + where(c > 0.5, c, zeros_like(c))
  }' ' + 0.1 * sum(c ^ 2) + 0.01 * sum(h[1].w ^ 2)'
check branches
# What a loop makes of no row, beside rows.
model positions '  param p: float[3, 4] = glorot_uniform
  let q = scan v in p carry (h = zeros([B, 4])) { h = tanh(h + v); yield h }
  let y = q[-1] + q[0] + (f |> linear(4) as up)'
check positions
# No iteration: nothing happens.
model none '  let y = f |> linear(4) as up
  repeat i in 0..0 { y = y |> linear(4) as h[i] }'
check none
echo "loops compute what they say"
