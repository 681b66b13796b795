"""Metrics that count over a split against NumPy: exact ones to the last digit,
tables in --log and --json, on 1, 2 and 4 devices, with a partial last batch.

usage: metrics.py MLC MLRUN WORK_DIR
"""
import json
import os
import subprocess
import sys

import numpy

ROWS = 1003
CLASSES = 5

MODEL = """
model m {
  input x: f32[B, 5]
  input z: f32[B]
  input y: i32[B]
  param w: float[] = ones
  let logits = float(x) * w
  loss cross_entropy(logits, y)
  metric confusion  = confusion_matrix(logits, y)
  metric top1       = top_k_accuracy(logits, y, 1)
  metric top3       = top_k_accuracy(logits, y, k = 3)
  metric top5       = top_k_accuracy(logits, y)
  metric accuracy   = accuracy(logits, y)
  metric precision  = precision(logits, y)
  metric recall     = recall(logits, y)
  metric f1         = f1(logits, y)
  metric above      = binary_precision(float(z), float(y > 2), threshold = 0.25)
  metric found      = binary_recall(float(z), float(y > 2))
  metric binary     = binary_f1(float(z), float(y > 2))
  metric perplexity = perplexity(logits, y)
  metric counts     = sum(i64(y[:, None] == arange(5)), axis = 0)
}
data {
  train = csv("rows.csv", columns = (x = 0..5, z = 5, y = 6))
  test  = csv("rows.csv", columns = (x = 0..5, z = 5, y = 6))
}
train { epochs = 1; batch = 64; microbatch = 8; optimizer = sgd(lr = 0) }
"""


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stderr}")
    return result.stdout


def ratio(a, b):
    return a / b if b else 0.0


def expected(table):
    x, z, y = table[:, :5].astype(numpy.float32), table[:, 5], table[:, 6].astype(int)
    chosen = x.argmax(axis=1)
    confusion = numpy.zeros((CLASSES, CLASSES))
    numpy.add.at(confusion, (y, chosen), 1)
    order = numpy.argsort(-x, axis=1, kind="stable")
    top = {k: (order[:, :k] == y[:, None]).any(axis=1).mean() for k in (1, 3, 5)}
    hits, columns, rows = confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)
    occurring = [c for c in range(CLASSES) if rows[c] + columns[c] > 0]
    mean = lambda of: sum(ratio(*of(c)) for c in occurring) / len(occurring)
    positive = y > 2
    binary = lambda above: (positive & above).sum()
    logits = x.astype(numpy.float64)
    losses = numpy.log(numpy.exp(logits).sum(axis=1)) - logits[numpy.arange(len(y)), y]
    return {
        "confusion": confusion, "top1": top[1], "top3": top[3], "top5": top[5],
        "accuracy": (chosen == y).mean(),
        "precision": mean(lambda c: (hits[c], columns[c])),
        "recall": mean(lambda c: (hits[c], rows[c])),
        "f1": mean(lambda c: (2 * hits[c], columns[c] + rows[c])),
        "above": ratio(binary(z > 0.25), (z > 0.25).sum()),
        "found": ratio(binary(z > 0), positive.sum()),
        "binary": ratio(2 * binary(z > 0), (z > 0).sum() + positive.sum()),
        "perplexity": numpy.exp(losses.mean()),
        "counts": rows,
    }


def main():
    mlc, mlrun, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache")
    path = lambda name: os.path.join(work, name)
    generator = numpy.random.default_rng(5)
    table = numpy.zeros((ROWS, 7))
    table[:, :6] = numpy.round(generator.normal(size=(ROWS, 6)) * 4) / 4  # with ties
    table[:, 6] = generator.integers(0, 4, size=ROWS)  # class 4 is never a label
    table[:, 3] = -9  # class 3 is never chosen
    numpy.savetxt(path("rows.csv"), table, delimiter=",", fmt="%g")
    with open(path("m.mlg"), "w") as file:
        file.write(MODEL)
    want = expected(table)
    bad = []
    for precision in ("f32", "f64"):
        run(mlc, path("m.mlg"), "-o", path("m.plan"), "--mesh", "data=*", "--set", f"train.precision={precision}")
        run(mlrun, "init", path("m.plan"), "--seed", "0", "-o", path("init.safetensors"))
        seen = []
        for ranks in ("1", "2", "4"):
            line = json.loads(run(mlrun, "eval", path("m.plan"), "--weights", path("init.safetensors"), "--data", work,
                                  "-n", ranks, "--json"))
            del line["examples_per_second"]
            seen.append(line)
            for name, value in want.items():
                # Means of f32 and their exponential have f32's digits.
                loose = 1e-6 if precision == "f32" and name in ("accuracy", "perplexity") else 1e-14
                got = numpy.array(line[name])
                if got.shape != numpy.shape(value) or not numpy.allclose(got, value, rtol=loose, atol=0):
                    bad.append(f"{name} in {precision} on {ranks}: {got}, not {value}")
        if any(line != seen[0] for line in seen):
            bad.append(f"other numbers on other devices in {precision}")
    text = run(mlrun, "eval", path("m.plan"), "--weights", path("init.safetensors"), "--data", work)
    rows = [[int(cell) for cell in line.split()] for line in text.split("confusion:\n")[1].splitlines()[:CLASSES]]
    if not numpy.array_equal(rows, want["confusion"]):
        bad.append("the table for people:\n" + text)
    run(mlrun, "train", path("m.plan"), "--data", work, "--log", path("log.jsonl"), "-q")
    with open(path("log.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    if numpy.array(lines[0]["confusion"]).sum() != 64 or numpy.array(lines[-1]["confusion"]).sum() != ROWS:
        bad.append("tables in the log")
    print("\n".join(bad) or f"{len(want)} metrics agree")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
