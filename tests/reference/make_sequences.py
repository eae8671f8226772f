#!/usr/bin/env python3
"""Answers of sequence models for tests/models/: GPT-2, BERT and LLaMA stated plainly, with the names and the details of
Hugging Face's models; the Transformer of 2017; torchvision's ViT. Writes models/sequences.json. Needs torch and
torchvision; run it as: python3 tests/reference/make_sequences.py
"""
import math

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import parity


def heads_of(x, heads):
    """(n, t, width) as (n, heads, t, width / heads)"""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(q, k, v, allowed=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


def causal(t):
    return torch.ones(t, t, dtype=torch.bool).tril()


class Part(nn.Module):
    """Modules by name, without a forward of its own."""

    def __init__(self, /, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


# GPT-2


class Conv1D(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, out))
        self.bias = nn.Parameter(torch.empty(out))

    def forward(self, x):
        return x @ self.weight + self.bias


class GPT2Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Part(c_attn=Conv1D(width, 3 * width), c_proj=Conv1D(width, width))
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = Part(c_fc=Conv1D(width, 4 * width), c_proj=Conv1D(4 * width, width))

    def forward(self, x):
        q, k, v = (heads_of(p, self.heads) for p in self.attn.c_attn(self.ln_1(x)).chunk(3, -1))
        x = x + self.attn.c_proj(attend(q, k, v, causal(x.shape[1])))
        y = self.mlp.c_fc(self.ln_2(x))
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        return x + self.mlp.c_proj(y)


class GPT2(nn.Module):
    def __init__(self, vocab, context, layers, heads, width):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.h = nn.ModuleList(GPT2Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T


# BERT


class BertLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.attention = Part(
            self=Part(query=nn.Linear(width, width), key=nn.Linear(width, width), value=nn.Linear(width, width)),
            output=Part(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=1e-12)))
        self.intermediate = Part(dense=nn.Linear(width, hidden))
        self.output = Part(dense=nn.Linear(hidden, width), LayerNorm=nn.LayerNorm(width, eps=1e-12))

    def forward(self, x, allowed):
        own = self.attention.get_submodule("self")
        y = attend(*(heads_of(p(x), self.heads) for p in (own.query, own.key, own.value)), allowed)
        x = self.attention.output.LayerNorm(x + self.attention.output.dense(y))
        return self.output.LayerNorm(x + self.output.dense(F.gelu(self.intermediate.dense(x))))


class BERT(nn.Module):
    """answer: "hidden", "pooled" or "mlm"; the last has the head of masked language modelling."""

    def __init__(self, answer, vocab, context, layers, heads, width, hidden):
        super().__init__()
        self.answer = answer
        self.embeddings = Part(
            word_embeddings=nn.Embedding(vocab, width), position_embeddings=nn.Embedding(context, width),
            token_type_embeddings=nn.Embedding(2, width), LayerNorm=nn.LayerNorm(width, eps=1e-12))
        self.encoder = Part(layer=nn.ModuleList(BertLayer(width, heads, hidden) for _ in range(layers)))
        self.pooler = Part(dense=nn.Linear(width, width))
        if answer == "mlm":
            transform = Part(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=1e-12))
            self.cls = Part(predictions=Part(transform=transform))
            self.cls.predictions.bias = nn.Parameter(torch.zeros(vocab))

    def forward(self, ids, mask, types):
        e = self.embeddings
        x = e.word_embeddings(ids) + e.position_embeddings(torch.arange(ids.shape[1])) + e.token_type_embeddings(types)
        x = e.LayerNorm(x)
        for layer in self.encoder.layer:
            x = layer(x, mask.bool()[:, None, None, :])
        if self.answer == "pooled":
            return torch.tanh(self.pooler.dense(x[:, 0]))
        if self.answer == "mlm":
            head = self.cls.predictions
            x = head.transform.LayerNorm(F.gelu(head.transform.dense(x)))
            return x @ e.word_embeddings.weight.T + head.bias
        return x


# LLaMA


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(width)), eps

    def forward(self, x):
        return self.weight * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps)


def rotate(x):
    t, e = x.shape[-2:]
    angle = torch.arange(t)[:, None] * 10000.0 ** (-torch.arange(0, e, 2, dtype=torch.float64) / e)
    angle = torch.cat((angle, angle), -1)
    a, b = x.chunk(2, -1)
    return x * angle.cos() + torch.cat((-b, a), -1) * angle.sin()


def linear(width, out):
    return nn.Linear(width, out, bias=False)


class LlamaLayer(nn.Module):
    def __init__(self, width, heads, kv_heads, hidden, eps):
        super().__init__()
        self.heads, self.kv_heads, kv = heads, kv_heads, width // heads * kv_heads
        self.self_attn = Part(q_proj=linear(width, width), k_proj=linear(width, kv), v_proj=linear(width, kv),
                              o_proj=linear(width, width))
        self.mlp = Part(gate_proj=linear(width, hidden), up_proj=linear(width, hidden), down_proj=linear(hidden, width))
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(width, eps), RMSNorm(width, eps)

    def forward(self, x):
        y, a = self.input_layernorm(x), self.self_attn
        q = rotate(heads_of(a.q_proj(y), self.heads))
        k, v = rotate(heads_of(a.k_proj(y), self.kv_heads)), heads_of(a.v_proj(y), self.kv_heads)
        k, v = (p.repeat_interleave(self.heads // self.kv_heads, 1) for p in (k, v))
        x = x + a.o_proj(attend(q, k, v, causal(x.shape[1])))
        y = self.post_attention_layernorm(x)
        return x + self.mlp.down_proj(F.silu(self.mlp.gate_proj(y)) * self.mlp.up_proj(y))


class LLaMA(nn.Module):
    def __init__(self, vocab, layers, heads, kv_heads, width, hidden, eps, tied):
        super().__init__()
        self.model = Part(
            embed_tokens=nn.Embedding(vocab, width),
            layers=nn.ModuleList(LlamaLayer(width, heads, kv_heads, hidden, eps) for _ in range(layers)),
            norm=RMSNorm(width, eps))
        if not tied:
            self.lm_head = linear(width, vocab)
        self.tied = tied

    def forward(self, ids):
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x)
        x = self.model.norm(x)
        return x @ self.model.embed_tokens.weight.T if self.tied else self.lm_head(x)


# The Transformer


class Transformer(nn.Module):
    def __init__(self, vocab, target_vocab, layers, heads, width, hidden, norm_first):
        super().__init__()
        options = dict(d_model=width, nhead=heads, dim_feedforward=hidden, dropout=0.0, batch_first=True,
                       norm_first=norm_first)
        self.source_embedding = nn.Embedding(vocab, width)
        if target_vocab:
            self.target_embedding, self.head = nn.Embedding(target_vocab, width), linear(width, target_vocab)
        self.encoder = Part(layers=nn.ModuleList(nn.TransformerEncoderLayer(**options) for _ in range(layers)))
        self.decoder = Part(layers=nn.ModuleList(nn.TransformerDecoderLayer(**options) for _ in range(layers)))
        if norm_first:
            self.encoder.norm, self.decoder.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_first, self.shared = norm_first, not target_vocab

    def embed(self, words, ids):
        width = words.weight.shape[1]
        angle = torch.arange(ids.shape[1])[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        return words(ids) * math.sqrt(width) + torch.stack((angle.sin(), angle.cos()), -1).flatten(1)

    def forward(self, source, target, mask):
        memory, padding = self.embed(self.source_embedding, source), ~mask.bool()
        for layer in self.encoder.layers:
            memory = layer(memory, src_key_padding_mask=padding)
        if self.norm_first:
            memory = self.encoder.norm(memory)
        x = self.embed(self.source_embedding if self.shared else self.target_embedding, target)
        for layer in self.decoder.layers:
            x = layer(x, memory, tgt_mask=~causal(target.shape[1]), memory_key_padding_mask=padding)
        if self.norm_first:
            x = self.decoder.norm(x)
        return x @ self.source_embedding.weight.T if self.shared else self.head(x)


def vit(**options):
    return torchvision.models.vision_transformer.VisionTransformer(**options)


def padding(*lengths):
    """1 for the first tokens of each sequence."""
    return (torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()


torch.backends.mkldnn.enabled = False
records = {}

records["gpt2"] = parity.record(GPT2(96, 24, 3, 4, 64), parity.ids("ids", 96, 2, 17), steps=10)

text, mask, types = parity.ids("ids", 96, 3, 15), padding(15, 9, 1), parity.ids("types", 2, 3, 15)
for answer in ("hidden", "pooled", "mlm"):
    records[f"bert_{answer}"] = parity.record(BERT(answer, 96, 24, 3, 4, 64, 160), text, mask, types)

for name, kv_heads, tied in (("llama", 4, False), ("llama_grouped", 2, False), ("llama_tied", 1, True)):
    records[name] = parity.record(LLaMA(96, 3, 4, kv_heads, 64, 160, 1e-5, tied), parity.ids("ids", 96, 2, 17))

source, mask, target = parity.ids("source", 96, 3, 13), padding(13, 8, 1), parity.ids("target", 80, 3, 11)
records["transformer"] = parity.record(Transformer(96, None, 3, 4, 64, 160, False), source, target, mask)
records["transformer_separate"] = parity.record(Transformer(96, 80, 2, 4, 64, 160, True), source, target, mask)

records["vit"] = parity.record(
    vit(image_size=24, patch_size=8, num_layers=3, num_heads=4, hidden_dim=64, mlp_dim=160, num_classes=10),
    parity.series("image", 2, 3, 24, 24), steps=10)

for name in ("vit_b_16", "vit_b_32", "vit_l_16"):  # names alone
    records[name] = parity.names(getattr(torchvision.models, name)())

parity.write("sequences", records)
