"""One PyTorch process that times the training step of examples/fashion_mnist.

usage: peer_torch.py THREADS SECONDS [--flush] [--fused] [--compile]; prints what timing.report says
"""
import sys

import timing
import torch
import torch.nn.functional as F
from torch import nn


def main():
    torch.set_num_threads(int(sys.argv[1]))
    if "--flush" in sys.argv:  # as mlrun does
        torch.set_flush_denormal(True)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    fused = {"fused": True} if "--fused" in sys.argv else {}
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, **fused)
    image = torch.randint(0, 256, (64, 28, 28), dtype=torch.uint8)
    label = torch.randint(10, (64,))

    def forward(image, label):
        return F.cross_entropy(net(image.flatten(1).float() / 255), label)

    if "--compile" in sys.argv:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(image, label)
        loss.backward()
        optimizer.step()

    timing.report(step, float(sys.argv[2]), torch.__version__)


if __name__ == "__main__":
    main()
