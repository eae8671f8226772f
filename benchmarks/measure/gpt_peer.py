#!/usr/bin/env python3
"""examples/gpt in PyTorch: the same model, start, text, batches, optimizer, schedule, seconds and figures, so that
bits a character after equal times can be compared.

  gpt_peer.py FILE [--layers 4] [--heads 4] [--width 128] [--context 128] [--batch 16] [--lr 0.002] [--dropout 0]
              [--seconds 300 | --steps N] [--seed 1] [--threads N]
"""
import argparse
import math
import os
import time

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("file")
for name, default in dict(layers=4, heads=4, width=128, context=128, batch=16, steps=0, seed=1).items():
    parser.add_argument(f"--{name}", type=int, default=default)
for name, default in dict(seconds=300.0, lr=2e-3, dropout=0.0).items():
    parser.add_argument(f"--{name}", type=float, default=default)
parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
o = parser.parse_args()
torch.set_num_threads(o.threads)
torch.manual_seed(o.seed)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        w = o.width
        self.ln_1, self.ln_2 = nn.LayerNorm(w), nn.LayerNorm(w)
        self.c_attn, self.attn_proj = nn.Linear(w, 3 * w), nn.Linear(w, w)
        self.c_fc, self.mlp_proj = nn.Linear(w, 4 * w), nn.Linear(4 * w, w)
        self.register_buffer("later", torch.ones(o.context, o.context, dtype=torch.bool).triu(1))
        for layer in (self.c_attn, self.attn_proj, self.c_fc, self.mlp_proj):
            last = layer in (self.attn_proj, self.mlp_proj)
            nn.init.normal_(layer.weight, 0, 0.02 / math.sqrt(2 * o.layers) if last else 0.02)
            nn.init.zeros_(layer.bias)

    def drop(self, x):
        return F.dropout(x, o.dropout, self.training) if o.dropout else x

    def forward(self, x):
        n, t, w = x.shape
        q, k, v = (p.view(n, t, o.heads, -1).transpose(1, 2) for p in self.c_attn(self.ln_1(x)).split(w, -1))
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(w // o.heads))
        weights = self.drop(scores.masked_fill(self.later[:t, :t], -math.inf).softmax(-1))
        x = x + self.drop(self.attn_proj((weights @ v).transpose(1, 2).reshape(n, t, w)))
        return x + self.drop(self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")))


class GPT2(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, o.width), nn.Embedding(o.context, o.width)
        self.h = nn.Sequential(*(Block() for _ in range(o.layers)))
        self.ln_f = nn.LayerNorm(o.width)
        nn.init.normal_(self.wte.weight, 0, 0.02)
        nn.init.normal_(self.wpe.weight, 0, 0.02)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        x = F.dropout(x, o.dropout, self.training) if o.dropout else x
        return F.linear(self.ln_f(self.h(x)), self.wte.weight)


text = open(o.file, "rb").read()
while len(text) < 20 * (o.context + 1):
    text += text
alphabet = sorted(set(text))
place = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([place[c] for c in text])
kept = len(ids) // 10
training, validation = ids[:-kept], ids[-kept:]


def loss_at(net, text, places):
    at = torch.as_tensor(places)[:, None] + torch.arange(o.context)
    return F.cross_entropy(net(text[at]).flatten(0, 1), text[at + 1].flatten())


def validate(net):
    net.eval()
    n, total = min(512, (len(validation) - 1) // o.context), 0.0
    with torch.no_grad():
        for i in range(0, n, o.batch):
            places = [k * o.context for k in range(i, min(n, i + o.batch))]
            total += len(places) * loss_at(net, validation, places).item()
    net.train()
    return total / n / math.log(2)


def rate(tick):
    """As optim::LinearWarmup of 50 thousandths from 0.02, then a cosine down to a tenth."""
    if tick < 50:
        return o.lr * (0.02 + 0.98 * tick / 50)
    return o.lr * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (tick - 50) / 950)))


net = GPT2(len(alphabet))
optimizer = torch.optim.AdamW(net.parameters(), lr=rate(0), betas=(0.9, 0.99), weight_decay=0.1)
print(f"{len(training)} characters, {len(alphabet)} kinds; PyTorch {torch.__version__}, {o.threads} threads")

step, seconds, tick = 0, 0.0, 0
while tick < 1000:
    start = time.perf_counter()
    places = torch.randint(0, len(training) - o.context, (o.batch,))
    optimizer.zero_grad(set_to_none=True)
    loss = loss_at(net, training, places)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    step += 1
    seconds += time.perf_counter() - start

    share = step / o.steps if o.steps else seconds / o.seconds
    before, tick = tick, max(tick, math.ceil(min(1000, 1000 * share)))
    for group in optimizer.param_groups:
        group["lr"] = rate(tick)
    if tick // 100 > before // 100:
        print(f"step {step:6d}  {seconds:6.1f} s  validation {validate(net):.4f} bits a character", flush=True)
