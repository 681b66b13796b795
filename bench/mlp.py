"""The training step of examples/fashion_mnist on one core, beside its arithmetic
floor, PyTorch and JAX: rounds alternate, every process is pinned to one core.
Also the time to compile and from process start to the first step.

usage: mlp.py BUILD_DIR [--rounds R] [--python PYTHON]... [--blas DIR] [--cpu N]

Every --python (default: /usr/bin/python3) is tried with all settings that its
PyTorch and JAX know; what fails, because it is not installed or otherwise, is
named and left out. --blas: a folder with
a libblas.so.3 for a PyTorch that takes the system's, as Debian's does: without
libopenblas0-pthread that is the reference BLAS, ten times slower.
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
# Products forward and for both weights' and the hidden layer's gradients.
FLOPS = 2 * 64 * (784 * 128 * 2 + 128 * 10 * 3)

QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive",
         "MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
# name, script and arguments, environment
PEERS = [
    ("PyTorch as shipped", ["peer_torch.py", "1", "2"], {}),
    ("PyTorch tuned", ["peer_torch.py", "1", "2", "--flush"], QUIET),
    ("PyTorch tuned, BLAS for SkylakeX", ["peer_torch.py", "1", "2", "--flush"],
     {**QUIET, "OPENBLAS_CORETYPE": "SkylakeX"}),
    ("PyTorch tuned, fused Adam", ["peer_torch.py", "1", "2", "--flush", "--fused"], QUIET),
    ("PyTorch compiled, fused Adam", ["peer_torch.py", "1", "2", "--flush", "--fused", "--compile"], QUIET),
    ("JAX", ["peer_jax.py", "2"], {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}),
]


class Bench:
    def __init__(self, cpu, blas):
        self.error = ""
        self.prefix = ["taskset", "-c", str(cpu)]
        self.blas = {"LD_LIBRARY_PATH": blas} if blas else {}

    def run(self, command, **environment):
        """Standard output, or None if the command fails; then `error` says why."""
        result = subprocess.run(self.prefix + command, capture_output=True, text=True, timeout=600,
                                env={**os.environ, **environment})
        if result.returncode == 0:
            return result.stdout
        self.error = (result.stderr.strip().splitlines() or [f"exit {result.returncode}"])[-1]
        return None

    def timed(self, command):
        begin = time.perf_counter()
        if self.run(command) is None:
            raise SystemExit(f"{' '.join(command)}: {self.error}")
        return (time.perf_counter() - begin) * 1e3

    def peer(self, name, python, script, environment):
        """What the peer prints, or None, and why, if it fails."""
        text = self.run([python, os.path.join(HERE, script[0])] + script[1:], **self.blas, **environment)
        if text is None:
            print(f"left out: {name}: {self.error}", flush=True)
        return json.loads(text) if text else None


def row(name, medians, minima):
    print(f"{name:52s} {statistics.median(medians):9.3f} {min(minima):9.3f} {max(medians):9.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--blas")
    parser.add_argument("--cpu", type=int, default=1)
    options = parser.parse_args()
    bench = Bench(options.cpu, options.blas)
    mlc, mlrun = (os.path.join(options.build, "bin", tool) for tool in ("mlc", "mlrun"))
    folder = tempfile.mkdtemp()
    plan, peak = os.path.join(folder, "mlp.plan"), os.path.join(folder, "peak")
    subprocess.run(["cc", "-O3", "-march=native", os.path.join(HERE, "peak.c"), "-o", peak], check=True)

    compile_ms = [bench.timed([mlc, MODEL, "-o", plan]) for _ in range(options.rounds)]
    peers = [(f"{name} ({python})", python, script, environment)
             for python in options.python or ["/usr/bin/python3"] for name, script, environment in PEERS]
    ours, peaks, first, theirs = [], [], [], {peer[0]: [] for peer in peers}
    for _ in range(options.rounds):
        peaks.append(float(bench.run([peak])))
        ours.append(json.loads(bench.run([mlrun, "bench", plan, "--steps", "5000", "--threads", "1", "--json"])))
        first.append(bench.timed([mlrun, "bench", plan, "--steps", "1", "--threads", "1"]))
        for name, python, script, environment in list(peers):
            if result := bench.peer(name, python, script, environment):
                theirs[name].append(result)
            else:
                peers.remove((name, python, script, environment))
                theirs[name].clear()

    floor = FLOPS / max(peaks) * 1e-6
    print(f"{'ms':52s} {'median':>9s} {'min':>9s} {'max':>9s}")
    print(f"{f'floor: {FLOPS / 1e6:.1f} MFLOP at {max(peaks):.0f} GFLOP/s':52s} {floor:9.3f}")
    columns = {name: ([r["median_ms"] for r in results], [r["min_ms"] for r in results])
               for name, results in [("mlrun", ours)] + list(theirs.items()) if results}
    for name, column in columns.items():
        version = theirs[name][0]["version"] + " " if name in theirs else ""
        row(version + name, *column)
    row("mlc, start to end", compile_ms, compile_ms)
    row("mlrun, process start to end of the first steps", first, first)

    median, fastest = statistics.median(columns["mlrun"][0]), min(columns["mlrun"][1])
    print(f"\nmlrun / floor: {median / floor:.2f} (medians), {fastest / floor:.2f} (minima)")
    if len(columns) > 1:
        best = min(statistics.median(c[0]) for name, c in columns.items() if name != "mlrun")
        best_min = min(min(c[1]) for name, c in columns.items() if name != "mlrun")
        print(f"mlrun / best peer: {median / best:.2f} (medians), {fastest / best_min:.2f} (minima)")


if __name__ == "__main__":
    main()
