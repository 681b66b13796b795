"""Whether the f32 weights of two safetensors files agree.

usage: agree.py A B TOLERANCE
exit code 1, and the tensor, where |a - b| is above TOLERANCE times the largest |a| of the tensor
"""
import array
import json
import struct
import sys


def tensors(path):
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    assert header and all(entry["dtype"] == "F32" for entry in header.values()), path
    bounds = {name: entry["data_offsets"] for name, entry in header.items()}
    return {name: array.array("f", data[8 + size + begin:8 + size + end]) for name, (begin, end) in bounds.items()}


a, b = tensors(sys.argv[1]), tensors(sys.argv[2])
if a.keys() != b.keys():
    sys.exit("the files hold other tensors")
for name in a:
    largest = max(map(abs, a[name]))
    apart = [abs(x - y) for x, y in zip(a[name], b[name], strict=True)]
    if not all(each <= float(sys.argv[3]) * largest for each in apart):  # a NaN is not
        sys.exit(f"{name}: {max(apart)} apart, of {largest}")
