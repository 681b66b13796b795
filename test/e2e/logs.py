#!/usr/bin/env python3
"""Reads the JSON lines of mlrun --log.

  logs.py last LOG SPLIT NAME          the last value of loss or a metric
  logs.py same A B [TOLERANCE]         the same lines, but for examples_per_second;
                                       numbers within TOLERANCE relative (default 0)
  logs.py median NUMBER...
"""

import json
import statistics
import sys


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def last(path, split, name):
    values = [line[name] for line in read(path) if line["split"] == split]
    if not values:
        sys.exit(f"{path} has no line of the split {split}")
    print(repr(values[-1]))


def same(first, second, tolerance="0"):
    a, b = read(first), read(second)
    if len(a) != len(b) or not a:
        sys.exit(f"{first} has {len(a)} lines, {second} has {len(b)}")
    for number, (x, y) in enumerate(zip(a, b), 1):
        if x.keys() != y.keys():
            sys.exit(f"line {number}: {sorted(x)} and {sorted(y)}")
        for key in x.keys() - {"examples_per_second"}:
            u, v = x[key], y[key]
            close = u == v
            if isinstance(u, float) and isinstance(v, float):
                close = abs(u - v) <= float(tolerance) * max(abs(u), abs(v))
            if not close:
                sys.exit(f"line {number}, step {x['step']}: {key} is {u} in {first}, {v} in {second}")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "median":
        print(statistics.median(map(float, arguments)))
    else:
        {"last": last, "same": same}[command](*arguments)
