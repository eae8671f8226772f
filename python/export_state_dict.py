#!/usr/bin/env python3
"""Writes the tensors of a file that torch.save made as a safetensors file. Needs PyTorch and nothing else.

    python3 export_state_dict.py model.pth model.safetensors

The file holds a state dict, or a dict with state dicts in it: {"model": {..}, "epoch": 3} gives names that begin with
"model."; numbers, texts and None are passed over. torch.load executes what a file asks for: use files that you trust.
"""
import argparse
import json
import struct

import torch

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def tensors(value, name=""):
    """(name, tensor) for every tensor below a value."""
    if isinstance(value, torch.Tensor):
        yield name, value.detach().cpu().contiguous()
    elif isinstance(value, (dict, list, tuple)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors(item, f"{name}.{key}" if name else str(key))


def raw(tensor):
    """The elements' bytes, as safetensors wants them: little-endian, row-major."""
    if tensor.numel() == 0:
        return b""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)  # NumPy has no bfloat16
    array = tensor.numpy()
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def save_safetensors(found, path):
    for name, tensor in found.items():
        if name == "__metadata__" or tensor.dtype not in TYPES:
            raise SystemExit(f"{name}: {tensor.dtype} cannot be written")
    # Large elements first, so that all are aligned.
    order = sorted(found, key=lambda name: -found[name].element_size())
    places, end = {}, 0
    for name in order:
        begin, end = end, end + found[name].numel() * found[name].element_size()
        places[name] = [begin, end]
    header = json.dumps({name: {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": places[name]}
                         for name, tensor in found.items()}, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name in order:
            file.write(raw(found[name]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="a .pt or .pth file")
    parser.add_argument("target", help="the .safetensors file to write")
    arguments = parser.parse_args()
    found = {}
    for name, tensor in tensors(torch.load(arguments.source, map_location="cpu")):
        if name in found:
            raise SystemExit(f"two tensors would be called {name!r}")
        found[name] = tensor
    save_safetensors(found, arguments.target)
    print(f"{len(found)} tensors, {sum(t.numel() for t in found.values())} elements")


if __name__ == "__main__":
    main()
