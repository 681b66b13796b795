"""Makes small good files, and damaged ones, for bad_input.sh. Python's own library only."""
import json
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def cut(source, target, keep):
    """The first KEEP bytes; negative: all but so many."""
    write(target, read(source)[: int(keep)])


def flip(source, target, byte):
    """The lowest bit of BYTE changed; negative: from the end."""
    data = bytearray(read(source))
    data[int(byte)] ^= 1
    write(target, data)


def tensors(source, target, action, *names):
    """A safetensors file without the tensor (drop), under another name (rename), transposed (turn), or one more (add)."""
    data = read(source)
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    parts = {
        name: (entry, body[slice(*entry["data_offsets"])]) for name, entry in header.items() if name != "__metadata__"
    }
    if action == "drop":
        del parts[names[0]]
    elif action == "rename":
        parts[names[1]] = parts.pop(names[0])
    elif action == "turn":
        parts[names[0]][0]["shape"].reverse()
    elif action == "add":
        parts[names[0]] = ({"dtype": "F32", "shape": [1]}, struct.pack("<f", 0))
    header, body = {}, b""
    for name, (entry, raw) in parts.items():
        entry["data_offsets"] = [len(body), len(body) + len(raw)]
        header[name] = entry
        body += raw
    text = json.dumps(header).encode()
    write(target, struct.pack("<Q", len(text)) + text + body)


def npy(target, descr, shape, value):
    """An array with one value everywhere."""
    extents = [int(extent) for extent in shape.split(",")]
    count = 1
    for extent in extents:
        count *= extent
    code = {"<f4": "f", "<f8": "d", "<i4": "i", "<c8": "ff"}[descr]
    number = int(value) if code == "i" else float(value)
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, extents))},), }}\n".encode()
    element = struct.pack("<" + code, *[number] * len(code))
    write(target, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + element * count)


def idx(target, shape, value, magic="0000"):
    """An IDX file of u8; MAGIC replaces its first bytes."""
    extents = [int(extent) for extent in shape.split(",")]
    count = 1
    for extent in extents:
        count *= extent
    begin = bytes([0, 0, 8, len(extents)]) if magic == "0000" else bytes.fromhex(magic)
    write(target, begin + b"".join(struct.pack(">I", extent) for extent in extents) + bytes([int(value)]) * count)


def manifest(source, target, key, value):
    """A checkpoint's manifest with another value."""
    data = json.loads(read(source))
    data[key] = json.loads(value)
    write(target, json.dumps(data).encode())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
