"""50 losses, the running statistics and the outputs of a model with batch norm
against PyTorch, from the same weights and batches; several micro-batches, whose
statistics PyTorch takes one after another.

usage: batch_norm.py MLC MLRUN MODEL DATA_DIR WORK_DIR
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

STEPS = 50


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stderr}")


class Norm:
    """PyTorch's batch norm of each micro-batch; the running statistics move once a step, to the mean of theirs."""

    def __init__(self, p, name, momentum, eps):
        self.p, self.name, self.momentum, self.eps = p, name, momentum, eps
        self.seen = []

    def __call__(self, x, training):
        scale, shift, mean, variance = (self.p[f"{self.name}.{part}"] for part in ("scale", "shift", "mean", "variance"))
        if not training:
            return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, self.eps)
        means, variances = torch.zeros_like(mean), torch.zeros_like(variance)
        result = F.batch_norm(x, means, variances, scale, shift, True, 1.0, self.eps)
        self.seen.append((means, variances))
        return result

    def update(self):
        for part, new in zip(("mean", "variance"), zip(*self.seen)):
            running = self.p[f"{self.name}.{part}"]
            running.mul_(1 - self.momentum).add_(self.momentum * torch.stack(new).mean(0))
        self.seen = []


def torch_run(initial, table, dtype, microbatch):
    p = {name: torch.tensor(value, dtype=dtype) for name, value in initial.items()}
    norms = [Norm(p, "norm", 0.1, 1e-5), Norm(p, "planes", 0.25, 1e-3)]
    trained = [value.requires_grad_() for name, value in p.items() if name.split(".")[-1] not in ("mean", "variance")]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9)

    def logits(x, training):
        a = torch.relu(norms[0](x / 16 @ p["hidden.w"] + p["hidden.b"], training))
        planes = torch.relu(norms[1](a.reshape(len(a), 5, -1), training))
        return planes.flatten(1) @ p["head.w"] + p["head.b"]

    x_all = torch.tensor(table[:, :64], dtype=dtype)
    y_all = torch.tensor(table[:, 64], dtype=torch.int64)
    starts = list(range(0, 1437, 32))
    losses = []
    for step in range(STEPS):
        begin = starts[step % len(starts)]
        end = min(begin + 32, 1437)
        optimizer.zero_grad()
        loss = 0
        for first in range(begin, end, microbatch):
            last = min(first + microbatch, end)
            part = F.cross_entropy(logits(x_all[first:last], True), y_all[first:last], reduction="sum") / (end - begin)
            part.backward()
            loss += part.item()
        optimizer.step()
        with torch.no_grad():
            for norm in norms:
                norm.update()
        losses.append(loss)
    with torch.no_grad():
        test = F.cross_entropy(logits(x_all[1437:], False), y_all[1437:]).item()
    return numpy.array(losses), {name: value.detach().numpy() for name, value in p.items()}, test


def main():
    mlc, mlrun, model, data, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    torch.set_num_threads(1)
    with gzip.open(os.path.join(data, "digits.csv.gz"), "rt") as file:
        table = numpy.loadtxt(file, delimiter=",")
    failed = False
    for microbatch in (32, 8):
        for precision, dtype in (("f64", torch.float64), ("f32", torch.float32)):
            plan, init, log, last = (os.path.join(work, name) for name in ("bn.plan", "init.st", "log.jsonl", "last.st"))
            run([mlc, model, "-o", plan, "--set", f"train.precision={precision}", "--set", f"train.microbatch={microbatch}"])
            run([mlrun, "init", plan, "--seed", "3", "-o", init])
            if os.path.exists(log):
                os.remove(log)
            run([mlrun, "train", plan, "--data", data, "--weights", init, "--steps", str(STEPS), "--log", log, "-o", last])
            with open(log) as file:
                lines = [json.loads(line) for line in file]
            ours = numpy.array([line["loss"] for line in lines if line["split"] == "train"])
            test = [line["loss"] for line in lines if line["split"] == "test"][-1]
            theirs, final, their_test = torch_run(weights.load(init), table, dtype, microbatch)
            error = numpy.abs(ours - theirs) / numpy.abs(theirs)
            tensors = weights.load(last)
            assert set(tensors) == set(final), set(tensors) ^ set(final)
            off = max(numpy.abs(tensors[name] - final[name]).max() / numpy.abs(final[name]).max() for name in final)
            test_off = abs(test - their_test) / their_test
            if precision == "f64":
                good = error.max() <= 1e-9 and off <= 1e-9 and test_off <= 1e-9
            else:
                good = error[:10].max() <= 1e-4
            failed |= not good
            print(f"microbatch {microbatch:2d} {precision} losses: first ten {error[:10].max():.2e} all {error.max():.2e} "
                  f"tensors {off:.2e} evaluation {test_off:.2e} {'ok' if good else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
