"""The training step of examples/fashion_mnist against PyTorch, one thread, side
by side: rounds alternate, every process is pinned to one core, medians of the
rounds' medians. Also the time to compile and from process start to first step.

usage: mlp.py BUILD_DIR [--rounds R] [--python /usr/bin/python3]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "..", "examples", "fashion_mnist", "mlp.mlg")

# Settings that were tried for the peer; the best one counts.
PEERS = {
    "as shipped": {},
    "tuned": {"OPENBLAS_CORETYPE": "SkylakeX", "OMP_WAIT_POLICY": "passive",
              "MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"},
}


def run(command, **environment):
    result = subprocess.run(["taskset", "-c", "1"] + command, capture_output=True, text=True, timeout=300,
                            env={**os.environ, **environment})
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}: {result.stderr}")
    return result.stdout


def timed(command):
    begin = time.perf_counter()
    run(command)
    return (time.perf_counter() - begin) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python", default="/usr/bin/python3")
    options = parser.parse_args()
    mlc, mlrun = (os.path.join(options.build, "bin", tool) for tool in ("mlc", "mlrun"))
    plan = os.path.join(tempfile.mkdtemp(), "mlp.plan")
    compile_ms = [timed([mlc, MODEL, "-o", plan]) for _ in range(options.rounds)]
    first_ms = [timed([mlrun, "bench", plan, "--steps", "1", "--threads", "1"]) for _ in range(options.rounds)]

    ours, theirs = [], {name: [] for name in PEERS}
    for _ in range(options.rounds):
        text = run([mlrun, "bench", plan, "--steps", "3000", "--threads", "1", "--json"])
        ours.append(json.loads(text)["median_ms"])
        for name, environment in PEERS.items():
            text = run([options.python, os.path.join(HERE, "peer_torch.py"), "1", "2"], **environment)
            theirs[name].append(json.loads(text)["median_ms"])

    def row(name, values):
        print(f"{name:28s} median {statistics.median(values):8.3f} ms   min {min(values):8.3f}   max {max(values):8.3f}")

    row("mlrun step", ours)
    for name, values in theirs.items():
        row(f"PyTorch step, {name}", values)
    best = min(statistics.median(values) for values in theirs.values())
    print(f"{'ratio to the best PyTorch':28s} {statistics.median(ours) / best:.3f}")
    row("mlc", compile_ms)
    row("mlrun, start to first step", first_ms)


if __name__ == "__main__":
    main()
