"""How every peer process times its training step."""
import json
import time


def report(step, seconds, version):
    """Calls `step`, which returns when its work is done, 50 times to warm up and
    then for `seconds`; prints one JSON object: version, median and minimum in ms,
    number of steps."""
    for _ in range(50):
        step()
    times, stop = [], time.perf_counter() + seconds
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    times.sort()
    print(json.dumps({"version": version, "median_ms": times[len(times) // 2] * 1e3,
                      "min_ms": times[0] * 1e3, "steps": len(times)}))
