"""REPORT INSPECT RANKS COMM COMMAND COUNTS...: what was reported was allocated.

COUNTS are files of CountAllocations.cpp, one for each process of the run.
"""
import json
import sys

report, inspect = (json.load(open(path)) for path in sys.argv[1:3])
ranks, comm, command = int(sys.argv[3]), sys.argv[4], sys.argv[5]

entry = next(e for e in report["by_ranks"] if e["ranks"] == ranks)
memory = inspect["memory"]
assert entry == next(e for e in memory["by_ranks"] if e["ranks"] == ranks), memory
assert report["arena_bytes"] == memory["arena_bytes"]
assert report["input_staging_bytes"] == memory["input_staging_bytes"]
arena = report["arena_bytes"] + entry["running_sum_bytes"]
inputs = report["input_staging_bytes"]
assert entry["total_bytes"] == arena + inputs, entry

requests = []  # (of a worker of a supervisor, bytes, thread)
for path in sys.argv[6:]:
    lines = [line.split() for line in open(path)]
    forked = lines[0] == ["forked", "1"]
    requests += [(forked, int(line[1]), line[2]) for line in lines if line[0] == "bytes"]


supervised = any(forked for forked, _, _ in requests)


def expect(what, size, count, inWorkers):
    found = sum(1 for forked, bytes, _ in requests if bytes == size and forked == inWorkers)
    assert found == count, f"{what}: {count} times {size} bytes were reported, {found} times allocated: {sorted(requests)}"


expect("arena and running sums", arena, ranks, supervised)
if command == "train":
    expect("inputs ahead", inputs, ranks, supervised)
staging = entry["staging_bytes"][comm]
if comm == "gloo" and ranks > 1:
    expect("staging of messages", staging, ranks, True)
else:  # shared, and made before the workers
    expect("staging of messages", staging, 1, False)

# A worker asks for nothing else of that size; Gloo's own is on its thread.
workers = sorted(bytes for forked, bytes, thread in requests if forked and thread != "communication" and bytes >= 16384)
known = {arena, inputs}
assert all(size in known for size in workers), f"{workers} beside {known}"
print(f"{comm}, {ranks} ranks: {entry['total_bytes']} bytes each, staging {staging}")
