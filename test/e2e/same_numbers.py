"""Compares what mlc --interpret prints with the log of mlrun train.

usage: same_numbers.py PRINTED LOG.jsonl RELATIVE_TOLERANCE [STEPS]
"""
import json
import re
import sys


def printed(path):
    steps = []
    with open(path) as file:
        for line in file:
            match = re.fullmatch(r"step (\d+), epoch (\d+): (.*)\n", line)
            assert match, f"unknown line {line!r}"
            values = dict(item.split(" ", 1) for item in match[3].split(", "))
            values = {name: float(value) for name, value in values.items()}
            steps.append({"step": int(match[1]), "epoch": int(match[2])} | values)
    return steps


def logged(path):
    with open(path) as file:
        lines = [json.loads(line) for line in file]
    drop = ("schema_version", "split", "examples_per_second")
    return [{name: line[name] for name in line if name not in drop} for line in lines if line["split"] == "train"]


def main():
    ours, theirs, tolerance = printed(sys.argv[1]), logged(sys.argv[2]), float(sys.argv[3])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    assert len(ours) == len(theirs) == steps, f"{len(ours)} and {len(theirs)} steps"
    worst = 0.0
    for a, b in zip(ours, theirs):
        assert a.keys() == b.keys() and a["step"] == b["step"] and a["epoch"] == b["epoch"], f"{a} and {b}"
        for name in a:
            worst = max(worst, abs(a[name] - b[name]) / max(abs(b[name]), 1e-300) if a[name] != b[name] else 0.0)
    print(f"{sys.argv[1].rsplit('/', 1)[-1]}: {', '.join(ours[0])}; worst relative difference {worst:.1e}")
    sys.exit(worst > tolerance)


main()
