"""Mixed precision: the losses of `precision = bf16` against PyTorch's autocast
from the same weights and batches, of it and f16 against the reference
interpreter and f32; the same bits on 1, 2 and 4 devices; weights and state in
f32; when f16's loss scale changes, and that a skipped step changes nothing.

usage: precision.py MLC MLRUN MODEL DATA_DIR WORK_DIR
"""
import gzip
import json
import os
import re
import shutil
import subprocess
import sys

import numpy
import torch

import weights

STEPS = 100


# The cotangent of the product is 250 times the scale, and beyond f16 until that is 256.
STEEP = """
model steep {
  input x: f32[B, 2]
  param w: float[2, 1] = ones
  loss mean(float(x) @ w * 1000)
}
data { train = csv("ones.csv", columns = (x = 0..2)) }
train { steps = 20; batch = 4; microbatch = 2; optimizer = adam(lr = 0.1); ema = 0.5 }
"""


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stderr}")
    return result.stdout


def torch_losses(initial, table):
    p = {name: torch.tensor(value, requires_grad=True) for name, value in initial.items()}
    optimizer = torch.optim.Adam(list(p.values()), lr=1e-3)
    losses = []
    starts = list(range(0, 1437, 32))
    for step in range(STEPS):
        rows = table[starts[step % len(starts)] : min(starts[step % len(starts)] + 32, 1437)]
        x, y = torch.tensor(rows[:, :64], dtype=torch.float32), torch.tensor(rows[:, 64], dtype=torch.int64)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = torch.relu(torch.nn.functional.linear(x / 16, p["hidden.w"].t(), p["hidden.b"]))
            logits = torch.nn.functional.linear(hidden, p["head.w"].t(), p["head.b"])
            loss = torch.nn.functional.cross_entropy(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def main():
    mlc, mlrun, model, data, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache")
    torch.set_num_threads(1)
    path = lambda name: os.path.join(work, name)
    bad = []

    def check(holds, what):
        if not holds:
            bad.append(what)

    losses, files, finals = {}, {}, {}
    for precision in ("f32", "f16", "bf16"):
        run(mlc, model, "-o", path("p.plan"), "--mesh", "data=*", "--set", "train.microbatch=8",
            "--set", f"train.precision={precision}")
        run(mlrun, "init", path("p.plan"), "--seed", "3", "-o", path("init.safetensors"))
        for ranks in ("1", "2", "4"):
            run(mlrun, "train", path("p.plan"), "--data", data, "--weights", path("init.safetensors"), "-n", ranks,
                "--steps", str(STEPS), "--log", path("log.jsonl"), "-o", path("out.safetensors"), "-q")
            with open(path("out.safetensors"), "rb") as file:
                files[precision, ranks] = file.read()
            check(files[precision, ranks] == files[precision, "1"], f"other bits in {precision} on {ranks} devices")
        with open(path("log.jsonl")) as file:
            lines = [json.loads(line) for line in file]
        losses[precision] = numpy.array([line["loss"] for line in lines if line["split"] == "train"])
        finals[precision] = weights.load(path("out.safetensors"))
    initial = weights.load(path("init.safetensors"))
    check(all(value.dtype == numpy.float32 for value in initial.values()), "weights are not f32")
    check(any((value.view(numpy.uint32) & 0xFFFF).any() for value in finals["bf16"].values()), "weights are rounded")

    with gzip.open(os.path.join(data, "digits.csv.gz"), "rt") as file:
        table = numpy.loadtxt(file, delimiter=",")
    theirs = torch_losses(initial, table)
    error = numpy.abs(losses["bf16"] / theirs - 1)
    print(f"autocast: first ten {error[:10].max():.1e}, all {error.max():.1e}")
    check(error[:10].max() < 2e-3 and error.max() < 2e-2, "other losses than autocast's")
    for precision, most in (("bf16", 2e-2), ("f16", 2e-3)):
        drift = numpy.abs(losses[precision] / losses["f32"] - 1)
        print(f"{precision} and f32: first ten {drift[:10].max():.1e}, all {drift.max():.1e}")
        check(0 < drift.max() < most, f"other losses in {precision} than in f32, or the same")
    # Losses have the digits of f32, not three of them.
    check((losses["bf16"].astype(numpy.float32).view(numpy.uint32) & 0xFFFF).any(), "losses are rounded")

    for precision in ("f16", "bf16"):
        sets = ["--set", "train.microbatch=8", "--set", f"train.precision={precision}"]
        text = run(mlc, model, "--interpret", "10", "--data", data, *sets)
        run(mlc, model, "-o", path("p.plan"), *sets)
        run(mlrun, "train", path("p.plan"), "--data", data, "--steps", "10", "--log", path("log.jsonl"), "-q")
        with open(path("log.jsonl")) as file:
            ours = [json.loads(line)["loss"] for line in file][:10]
        oracle = [float(value) for value in re.findall(r"loss ([0-9.e+-]+)", text)]
        error = numpy.abs(numpy.array(ours) / numpy.array(oracle) - 1).max()
        print(f"interpreter in {precision}: {error:.1e}")
        check(error < 1e-3, f"other losses than the interpreter's in {precision}")

    # torch.cuda.amp.GradScaler: 65536, doubled after 2000 steps, halved when a step is skipped.
    def trained(*options):
        shutil.rmtree(path("run"), ignore_errors=True)
        run(mlrun, "train", path("s.plan"), "--data", work, "--checkpoint", path("run"), "--checkpoint-every", "10000", "-q",
            *options)
        return weights.load(os.path.join(path("run"), "latest", "weights.safetensors"))

    numpy.savetxt(path("ones.csv"), numpy.ones((8, 2)), delimiter=",", fmt="%g")
    with open(path("steep.mlg"), "w") as file:
        file.write(STEEP)
    run(mlc, path("steep.mlg"), "-o", path("s.plan"))
    after = {steps: trained("--steps", str(steps)) for steps in (1, 12)}
    run(mlc, path("steep.mlg"), "-o", path("s.plan"), "--set", "train.precision=f16")
    for steps, scale, good in ((1, 32768, 0), (8, 256, 0), (9, 256, 1), (20, 256, 12), (2008, 512, 0), (2009, 256, 0)):
        state = trained("--steps", str(steps))
        found = state["loss#scale"], state["loss#good_steps"], state["loss#steps"]
        done = {8: 0, 9: 1, 20: 12, 2008: 2000, 2009: 2000}.get(steps, 0)
        check(found == (scale, good, done), f"after {steps} steps the scale's state is {found}")
        if done == 0:
            check((state["w"] == 1).all() and (state["w#ema"] == 1).all() and (state["w#adam.v"] == 0).all(),
                  f"a skipped step changed something by step {steps}")
        if done in after:
            check(numpy.array_equal(state["w"], after[done]["w"]), f"{done} steps behind skipped ones are others")
    run(mlc, path("steep.mlg"), "-o", path("s.plan"), "--set", "train.precision=f16", "--mesh", "data=2")
    check(all(numpy.array_equal(value, state[name]) for name, value in trained("--steps", "2009").items()),
          "other bits of a scaled loss on 2 devices")

    # What is stored in f32 comes out in f32.
    x = numpy.asarray(table[:5, :64], dtype=numpy.float32)
    numpy.save(path("x.npy"), x)
    run(mlrun, "infer", path("p.plan"), "--weights", path("init.safetensors"), "--input", f"pixels=@{path('x.npy')}",
        "--output", f"logits=@{path('y.npy')}")
    expected = numpy.maximum(x / 16 @ initial["hidden.w"] + initial["hidden.b"], 0) @ initial["head.w"] + initial["head.b"]
    y = numpy.load(path("y.npy"))
    check(y.dtype == numpy.float32 and numpy.abs(y - expected).max() < 0.02, "other logits")
    print("\n".join(bad) or "mixed precision agrees")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
