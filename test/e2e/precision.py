"""Mixed precision: the losses of `precision = bf16` against PyTorch's autocast
from the same weights and batches, against the reference interpreter, and
against f32; the same bits on 1, 2 and 4 devices; weights and state in f32.

usage: precision.py MLC MLRUN MODEL DATA_DIR WORK_DIR
"""
import gzip
import json
import os
import re
import subprocess
import sys

import numpy
import torch

import weights

STEPS = 100


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
    for precision in ("f32", "bf16"):
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
    drift = numpy.abs(losses["bf16"] / losses["f32"] - 1)
    print(f"f32: first ten {drift[:10].max():.1e}, all {drift.max():.1e}")
    check(0 < drift.max() < 2e-2, "other losses than in f32, or the same")
    # Losses have the digits of f32, not three of them.
    check((losses["bf16"].astype(numpy.float32).view(numpy.uint32) & 0xFFFF).any(), "losses are rounded")

    text = run(mlc, model, "--interpret", "10", "--data", data, "--set", "train.microbatch=8", "--set",
               "train.precision=bf16")
    run(mlrun, "train", path("p.plan"), "--data", data, "--steps", "10", "--log", path("log.jsonl"), "-q")
    with open(path("log.jsonl")) as file:
        ours = [json.loads(line)["loss"] for line in file][:10]
    oracle = [float(value) for value in re.findall(r"loss ([0-9.e+-]+)", text)]
    error = numpy.abs(numpy.array(ours) / numpy.array(oracle) - 1).max()
    print(f"interpreter: {error:.1e}")
    check(error < 1e-3, "other losses than the interpreter's")

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
