"""REPORT INSPECT BENCH [TX_BYTES]: the report's bytes are those that were sent.

TX_BYTES is what the network interface of rank 0 sent during the whole bench: at
least what the communicator counted, and at most 5 % more.
"""
import json
import sys

report, inspect, bench = (json.load(open(path)) for path in sys.argv[1:4])
ranks = bench["ranks"]
expected = [0] * ranks
for collective in report["collectives"]:
    if collective["program"] == "train":
        entry = next(e for e in collective["by_ranks"] if e["ranks"] == ranks)
        expected = [a + b for a, b in zip(expected, entry["sent_bytes_by_rank"])]
        assert entry["sent_bytes"] == max(entry["sent_bytes_by_rank"]), entry
sent = bench["communication"]["sent_bytes_per_step"]
wire = bench["communication"]["wire_bytes_per_step"]
transport = bench["communication"]["transport"]
assert sent == expected, f"{transport}, {ranks} ranks: reported {expected}, sent {sent}"

gradients = sum(p["bytes"] for p in inspect["parameters"] if p["role"] == "trained")
assert gradients > 0
if ranks & (ranks - 1) == 0:
    least = 2 * (ranks - 1) / ranks * gradients
    assert max(sent) <= 1.1 * least, f"{max(sent)} is more than 1.1 * {least}"

if transport == "threads":
    assert wire == [0] * ranks
else:
    # A header of 192 bytes for each of at most 2 log2(ranks) + 2 messages, and
    # padding.
    messages = 2 * (ranks - 1).bit_length() + 2
    assert all(s < w <= s + messages * 256 for s, w in zip(sent, wire)), (sent, wire)

if len(sys.argv) > 4:
    interface = int(sys.argv[4])
    steps = bench["steps"] + min(10, bench["steps"]) + 1  # with the warm-up
    counted = sent[0] * steps
    assert counted <= interface <= 1.05 * counted, f"counted {counted} bytes, the interface {interface}"
    print(f"{interface / counted - 1:.2%} more on the wire of rank 0")
print(f"{transport}, {ranks} ranks: {max(sent):.0f} bytes a step, {max(wire):.0f} with headers")
