#!/usr/bin/python3
"""Writes small files as PyTorch and NumPy write them, for the readers' tests: tests/reference/files.

Needs PyTorch and NumPy (Debian: python3-torch). The values are those of `ramp`, which the tests know too.
"""
import pathlib
import zipfile

import numpy as np
import torch

here = pathlib.Path(__file__).parent / "files"
here.mkdir(exist_ok=True)


def ramp(*shape, dtype=torch.float32, start=0):
    """start, start + 1, .. in row-major order."""
    return torch.arange(start, start + int(np.prod(shape)), dtype=torch.float64).reshape(shape).to(dtype)


def network():
    net = torch.nn.Sequential()
    net.add_module("conv", torch.nn.Conv2d(2, 3, 2))
    net.add_module("bn", torch.nn.BatchNorm2d(3))
    for i, tensor in enumerate(net.state_dict().values()):
        tensor.copy_(ramp(*tensor.shape, dtype=tensor.dtype, start=100 * i))
    return net


def kinds():
    base = ramp(4, 6)
    shared = ramp(10, dtype=torch.int64)
    names = {"double": torch.float64, "half": torch.float16, "bfloat16": torch.bfloat16, "long": torch.int64,
             "int": torch.int32, "short": torch.int16, "char": torch.int8, "byte": torch.uint8}
    return {
        "float": base, "transposed": base.t(), "strided": base[1:4:2, 1::2], "row": base[2],
        "expanded": ramp(3).expand(2, 3), "empty": torch.zeros(0, 5), "scalar": torch.tensor(2.5),
        "left": shared[:4], "right": shared[4:],
        **{name: ramp(2, 3, dtype=dtype, start=-2 if dtype != torch.uint8 else 250) for name, dtype in names.items()},
        "bool": torch.tensor([True, False, True]),
        "parameter": torch.nn.Parameter(ramp(2)), "wide": ramp(1, 3, 1, 1),
        "nested": {"list": [ramp(1), 5, {"deep": ramp(2)}], "pair": (ramp(1), None), 7: ramp(1), "text": "a text"},
        "epoch": 3, "rate": 0.5, "big": 2**70, "negative": -70000, "nothing": None, "yes": True, "name": "\u00e4",
    }


def main():
    torch.save(network().state_dict(), here / "network.pt")
    torch.save(kinds(), here / "kinds.pt")
    torch.save({"a": ramp(3)}, here / "old.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(1, 1), here / "module.pt")
    with zipfile.ZipFile(here / "network.pt") as source, zipfile.ZipFile(here / "deflated.pt", "w") as target:
        for entry in source.infolist():
            fixed = zipfile.ZipInfo(entry.filename)
            fixed.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(fixed, source.read(entry))
    arrays = {"float": ramp(2, 3).numpy(), "fortran": np.asfortranarray(ramp(2, 3).numpy()),
              "half": ramp(3, dtype=torch.float16).numpy(), "short": ramp(4, dtype=torch.int16).numpy(),
              "scalar": np.float64(2.5), "mask": np.array([True, False]), "empty": np.zeros((0, 2), np.int32)}
    np.savez(here / "arrays.npz", **arrays)
    np.savez_compressed(here / "compressed.npz", **arrays)


if __name__ == "__main__":
    main()
