"""The losses of LeNet against PyTorch, from the same initial weights (`mlrun init`) and the same batches: in f64 to 1e-9
over 50 steps, in f32 to 1e-4 over the first 10. Exits with 77 without Fashion-MNIST.

usage: conv_parity.py MLC MLRUN MODEL WORK_DIR
"""
import gzip
import os
import sys

import numpy
import torch
import torch.nn.functional as F

import torch_parity

BATCH, STEPS = 64, 50
DATA = os.environ.get("MLC_FASHION_MNIST", "/usr/share/datasets/fashion-mnist")


def read(name, header, count):
    with gzip.open(os.path.join(DATA, name)) as file:
        return numpy.frombuffer(file.read(header + count), dtype=numpy.uint8, offset=header)


def torch_losses(initial, dtype):
    p = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in initial.items()}
    optimizer = torch.optim.SGD(list(p.values()), lr=0.05, momentum=0.9)
    rows = BATCH * STEPS
    images = torch.tensor(read("train-images-idx3-ubyte.gz", 16, rows * 784).reshape(rows, 1, 28, 28), dtype=dtype) / 255
    labels = torch.tensor(read("train-labels-idx1-ubyte.gz", 8, rows), dtype=torch.int64)
    losses = []
    for begin in range(0, rows, BATCH):
        x = F.conv2d(images[begin : begin + BATCH], p["conv1.w"], p["conv1.b"], padding=2)
        x = F.max_pool2d(torch.relu(x), 2)
        x = F.max_pool2d(torch.relu(F.conv2d(x, p["conv2.w"], p["conv2.b"])), 2).flatten(1)
        x = torch.relu(x @ p["fc1.w"] + p["fc1.b"])
        x = torch.relu(x @ p["fc2.w"] + p["fc2.b"])
        loss = F.cross_entropy(x @ p["head.w"] + p["head.b"], labels[begin : begin + BATCH])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def main():
    mlc, mlrun, model, work = sys.argv[1:]
    if not os.path.exists(os.path.join(DATA, "train-images-idx3-ubyte.gz")):
        print(f"skipped: no Fashion-MNIST in {DATA}")
        sys.exit(77)
    os.makedirs(work, exist_ok=True)
    torch.set_num_threads(1)
    torch_parity.STEPS = STEPS
    failed = False
    for precision, dtype in (("f64", torch.float64), ("f32", torch.float32)):
        ours, initial = torch_parity.our_losses(mlc, mlrun, model, DATA, work, [], precision)
        theirs = torch_losses(initial, dtype)
        error = numpy.abs(ours - theirs) / numpy.abs(theirs)
        good = error.max() <= 1e-9 if precision == "f64" else error[:10].max() <= 1e-4
        failed |= not good
        print(f"lenet {precision} first ten {error[:10].max():.2e} all {error.max():.2e} {'ok' if good else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
