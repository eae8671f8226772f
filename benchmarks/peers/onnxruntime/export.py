#!/usr/bin/env python3
"""Writes networks for other runtimes to read: FOLDER/NAME.onnx, and FOLDER/NAME.pt where torch is to fold batch norms.

Usage: export.py FOLDER. Needs PyTorch and torchvision. The weights are random.
"""

import math
import sys
import warnings
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, later):
        n, t, width = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads) + later
        y = (F.softmax(scores, -1) @ v).transpose(1, 2).reshape(n, t, width)
        x = x + self.c_proj(y)
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    """GPT-2 small, for sequences of `tokens`."""

    def __init__(self, tokens=128, vocabulary=50257, width=768, layers=12, heads=12):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(1024, width)
        self.h = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.register_buffer("later", torch.full((tokens, tokens), -math.inf).triu(1))

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for layer in self.h:
            x = layer(x, self.later)
        return self.ln_f(x) @ self.wte.weight.t()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.manual_seed(1)
    image = torch.randn(1, 3, 224, 224)
    nets = {
        "resnet18": (torchvision.models.resnet18(), image),
        "resnet50": (torchvision.models.resnet50(), image),
        "gpt2": (GPT2(), torch.randint(50257, (1, 128))),
    }
    for name, (net, x) in nets.items():
        net.eval()
        torch.onnx.export(net, x, str(folder / f"{name}.onnx"), opset_version=13)
        if name.startswith("resnet"):
            torch.jit.trace(net, x).save(str(folder / f"{name}.pt"))


main()
