#!/usr/bin/env bash
# mlrun infer: any number of rows, the outputs of eval's model, clear errors.
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c "import numpy" 2>/dev/null || { echo "skipped: no python3-numpy"; exit 77; }

"$mlc" "$digits/digits.mlg" -o "$work/digits.plan"
cd "$work"
"$mlrun" train digits.plan --data "$digits" --epochs 5 --checkpoint run -o w.safetensors -q
/usr/bin/python3 - "$digits/digits.csv.gz" <<'P'
import numpy
import sys
table = numpy.loadtxt(sys.argv[1], delimiter=",", dtype=numpy.float32)[1437:]
for rows in (0, 1, 31, 32, 33, 360):
    numpy.save(f"x{rows}.npy", table[:rows, :64])
numpy.save("x360.f64.npy", table[:, :64].astype(numpy.float64))
numpy.save("x360.i64.npy", table[:, :64].astype(numpy.int64))
numpy.save("labels.npy", table[:, 64].astype(numpy.int64))
numpy.save("narrow.npy", table[:5, :63])
numpy.save("flat.npy", table[:5, 0])
P
for x in x0 x1 x31 x32 x33 x360 x360.f64 x360.i64; do
  "$mlrun" infer digits.plan --weights w.safetensors --input pixels=@$x.npy --output logits=@$x.out.npy
done
"$mlrun" infer digits.plan --weights run --input pixels=@x360.npy --output logits=@checkpoint.out.npy --threads 1
"$mlrun" eval digits.plan --data "$digits" --weights w.safetensors --json >eval.json
/usr/bin/python3 - <<'P'
import json
import numpy
whole = numpy.load("x360.out.npy")
assert whole.shape == (360, 10) and whole.dtype == numpy.float32, (whole.shape, whole.dtype)
for rows in (0, 1, 31, 32, 33):
    part = numpy.load(f"x{rows}.out.npy")
    assert part.shape == (rows, 10) and (part == whole[:rows]).all(), rows
for name in ("x360.f64", "x360.i64", "checkpoint"):
    assert (numpy.load(f"{name}.out.npy") == whole).all(), name
accuracy = (whole.argmax(axis=1) == numpy.load("labels.npy")).mean()
said = json.load(open("eval.json"))["accuracy"]
assert abs(accuracy - said) < 1e-6, (accuracy, said)
P

infer() { expect_exit "$1" "$2" "$mlrun" infer digits.plan --weights w.safetensors "${@:3}"; }
infer 2 "infer needs the input 'pixels': give --input pixels=@FILE.npy" --output logits=@y.npy
infer 2 "infer needs --output NAME=@FILE.npy; the outputs are: logits" --input pixels=@x1.npy
infer 2 "has no input 'pixel'; did you mean 'pixels'" --input pixel=@x1.npy --output logits=@y.npy
infer 2 "has no output 'logit'; did you mean 'logits'" --input pixels=@x1.npy --output logit=@y.npy
infer 2 "--input pixels is given twice" --input pixels=@x1.npy --input pixels=@x31.npy --output logits=@y.npy
infer 2 "--input pixels: give NAME=@FILE.npy" --input pixels --output logits=@y.npy
infer 2 "give NAME=@FILE.npy" --input x1.npy --output logits=@y.npy
infer 3 "narrow.npy: is f32\[5, 63\], but the input pixels has rows of f32\[64\]" --input pixels=@narrow.npy --output logits=@y.npy
infer 3 "flat.npy: is f32\[5\], but" --input pixels=@flat.npy --output logits=@y.npy
infer 3 "cannot open 'none.npy'" --input pixels=@none.npy --output logits=@y.npy
infer 3 "digits.plan.*is not a .npy file" --input pixels=@digits.plan --output logits=@y.npy
infer 1 "cannot write '.*/none/y.npy'" --input pixels=@x1.npy --output logits=@"$work"/none/y.npy
[[ ! -e y.npy ]] || fail "an output of a run that failed"
expect_exit 2 "infer needs --weights" "$mlrun" infer digits.plan --input pixels=@x1.npy --output logits=@y.npy
expect_exit 3 "cannot open 'none.safetensors'" "$mlrun" infer digits.plan --weights none.safetensors --input pixels=@x1.npy --output logits=@y.npy

# A plan that doesn't train is for inference: mlrun PLAN infers.
sed '/^train {/,$d; /^data {/,/^}/d; /^  loss /d; /^  metric /d; /input label/d' "$digits/digits.mlg" >only.mlg
"$mlc" only.mlg --set train.batch=32 -o only.plan 2>stderr || { cat stderr; fail "compiling a model without a train block"; }
"$mlrun" only.plan --weights w.safetensors --input pixels=@x33.npy --output logits=@only.out.npy
cmp only.out.npy x33.out.npy || fail "the same model without training gives other outputs"
expect_exit 2 "does not train: the model has no optimizer" "$mlrun" train only.plan
echo "any number of rows gives the same outputs"

# A label that the model computed is out of range: no input is blamed for it.
cat >two.mlg <<'M'
model two {
  input x: f32[B, 10]
  input first: i32[B]
  input second: i32[B]
  output a = softmax_cross_entropy(x, first)
  output b = softmax_cross_entropy(x, second * 2)
}
train { batch = 4 }
M
"$mlc" two.mlg
/usr/bin/python3 - <<'P'
import numpy
numpy.save("x.npy", numpy.zeros((3, 10), numpy.float32))
numpy.save("first.npy", numpy.array([1, 2, 3], numpy.int32))
numpy.save("second.npy", numpy.array([1, 7, 3], numpy.int32))
P
expect_exit 3 'label 14 is outside \[0, 10\) in row 1, in a micro-batch of step 1 \(two.mlg:6:14\)' \
  "$mlrun" infer two.plan --input x=@x.npy --input first=@first.npy --input second=@second.npy --output b=@b.npy
