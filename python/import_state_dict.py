#!/usr/bin/env python3
"""Makes a file for torch.load of the tensors in a safetensors file. Needs PyTorch and nothing else.

    python3 import_state_dict.py model.safetensors model.pth
    model.load_state_dict(torch.load("model.pth"))
"""
import argparse
import json
import struct
import sys
from collections import OrderedDict

import torch

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
         "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}


def load_safetensors(path):
    if sys.byteorder != "little":
        raise SystemExit("needs a little-endian machine")
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    found = OrderedDict()
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in TYPES:
            raise SystemExit(f"{name}: {entry['dtype']} cannot be read")
        dtype, (begin, end) = TYPES[entry["dtype"]], entry["data_offsets"]
        # A copy of its own: the bytes of the file need not be aligned.
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=dtype) if begin < end else torch.empty(0, dtype=dtype)
        found[name] = flat.reshape(entry["shape"])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="a .safetensors file")
    parser.add_argument("target", help="the .pth file to write")
    arguments = parser.parse_args()
    found = load_safetensors(arguments.source)
    torch.save(found, arguments.target)
    print(f"{len(found)} tensors, {sum(t.numel() for t in found.values())} elements")


if __name__ == "__main__":
    main()
