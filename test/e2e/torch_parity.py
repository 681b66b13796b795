"""The first 100 losses of digits against PyTorch, from the same initial weights
(`mlrun init`) and the same batches, in f64 and f32, for several optimizers.

usage: torch_parity.py MLC MLRUN MODEL DATA_DIR WORK_DIR
"""
import gzip
import json
import os
import subprocess
import sys

import numpy
import torch
import torch.nn.functional as F

import weights

STEPS = 100

# --set for ours, and the same in PyTorch's words.
CASES = {
    "adam": ([], lambda p: torch.optim.Adam(p, lr=1e-3)),
    "adam_l2": (["train.optimizer=adam(lr = 2e-3, weight_decay = 0.01, eps = 1e-6)"],
                lambda p: torch.optim.Adam(p, lr=2e-3, weight_decay=0.01, eps=1e-6)),
    "adamw": (["train.optimizer=adamw(lr = 1e-3, weight_decay = 0.1)"],
              lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1)),
    "sgd": (["train.optimizer=sgd(lr = 0.1)"], lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (["train.optimizer=sgd(lr = 0.05, momentum = 0.9, weight_decay = 1e-3)"],
                 lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3)),
    "nesterov": (["train.optimizer=sgd(lr = 0.05, momentum = 0.9, nesterov = true)"],
                 lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    "clipped": (["train.optimizer=sgd(lr = 0.1)", "train.clip_norm=0.5"],
                lambda p: torch.optim.SGD(p, lr=0.1)),
}


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stderr}")
    return result.stdout


def our_losses(mlc, mlrun, model, data, work, settings, precision):
    plan = os.path.join(work, "parity.plan")
    init = os.path.join(work, "init.safetensors")
    log = os.path.join(work, "log.jsonl")
    sets = [word for s in settings + [f"train.precision={precision}"] for word in ("--set", s)]
    run([mlc, model, "-o", plan] + sets)
    run([mlrun, "init", plan, "--seed", "3", "-o", init])
    if os.path.exists(log):
        os.remove(log)
    run([mlrun, "train", plan, "--data", data, "--weights", init, "--steps", str(STEPS), "--log", log])
    with open(log) as file:
        lines = [json.loads(line) for line in file]
    losses = [line["loss"] for line in lines if line.get("split") == "train"][:STEPS]
    assert len(losses) == STEPS, f"{len(losses)} losses in the log"
    return numpy.array(losses), weights.load(init)


def torch_losses(initial, table, make_optimizer, dtype, clip):
    p = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in initial.items()}
    optimizer = make_optimizer(list(p.values()))
    losses = []
    x_all = torch.tensor(table[:1437, :64], dtype=dtype)
    y_all = torch.tensor(table[:1437, 64], dtype=torch.int64)
    starts = list(range(0, 1437, 32))
    for step in range(STEPS):
        begin = starts[step % len(starts)]
        x, y = x_all[begin : begin + 32], y_all[begin : begin + 32]
        hidden = torch.relu(x / 16 @ p["hidden.w"] + p["hidden.b"])
        loss = F.cross_entropy(hidden @ p["head.w"] + p["head.b"], y)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(list(p.values()), clip)
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def main():
    mlc, mlrun, model, data, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    torch.set_num_threads(1)
    with gzip.open(os.path.join(data, "digits.csv.gz"), "rt") as file:
        table = numpy.loadtxt(file, delimiter=",")
    failed = False
    for name, (settings, make_optimizer) in CASES.items():
        clip = 0.5 if name == "clipped" else 0.0
        for precision, dtype in (("f64", torch.float64), ("f32", torch.float32)):
            ours, initial = our_losses(mlc, mlrun, model, data, work, settings, precision)
            theirs = torch_losses(initial, table, make_optimizer, dtype, clip)
            error = numpy.abs(ours - theirs) / numpy.abs(theirs)
            if precision == "f64":
                good = error.max() <= 1e-9
            else:
                good = error[:10].max() <= 1e-5 and error.max() <= 1e-3
            failed |= not good
            print(f"{name:10s} {precision} first ten {error[:10].max():.2e} all {error.max():.2e} "
                  f"{'ok' if good else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
