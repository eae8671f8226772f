#!/usr/bin/python3
"""Writes what PyTorch computes, in double precision, for the tests to compare with: <family>.json beside this file.

Needs PyTorch (Debian: python3-torch). A case is one call: its inputs by kind (x: real, ids: integers, masks: booleans),
options, outputs, an upstream gradient g for the first output, and the gradients of the real inputs. Shapes are small;
edge values (ties, kinks, bounds) stand in the data. Numbers that JSON lacks are the strings nan, inf and -inf.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

here = pathlib.Path(__file__).parent
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
cases = []


def r(*shape):
    """Standard normal, to three digits: exact in the file and short."""
    return (torch.randn(shape) * 1000).round() / 1000


def positive(*shape):
    return r(*shape).abs() + 0.25


def ints(high, *shape):
    return torch.randint(0, high, shape)


def mask(*shape):
    return torch.rand(shape) > 0.4


def number(v):
    if isinstance(v, float) and not math.isfinite(v):
        return str(v)
    return int(v) if isinstance(v, float) and v == int(v) and abs(v) < 1e15 and math.copysign(1, v) > 0 else v


def pack(t):
    return {"shape": list(t.shape), "data": [number(v) for v in t.detach().flatten().tolist()]}


def case(op, f, x=(), ids=(), masks=(), **options):
    """Records f(*x, *ids, *masks); options are what the C++ side needs to make the same call."""
    x = [t.clone().requires_grad_() for t in x]
    y = f(*x, *ids, *masks)
    outputs = list(y) if isinstance(y, (tuple, list)) else [y]
    record = {"op": op, "options": options, "x": [pack(t) for t in x], "ids": [pack(t) for t in ids],
              "masks": [pack(t) for t in masks], "outputs": [pack(t) for t in outputs]}
    if outputs[0].requires_grad:
        g = r(*outputs[0].shape)
        record["g"] = pack(g)
        grads = torch.autograd.grad(outputs[0], x, g, allow_unused=True)
        record["grads"] = [None if d is None else pack(d) for d in grads]
    cases.append(record)


def write(family):
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
    (here / f"{family}.json").write_text(text)
    print(f"{family}: {len(cases)} cases, {len(text)} bytes")
    cases.clear()


def pointwise():
    for op in ("add", "sub", "mul", "div"):
        f = getattr(torch, op)
        case(op, f, [r(2, 3), r(2, 3)])
        case(op, f, [r(4, 1, 3), positive(2, 1)])
        case(op, f, [r(3), r()])
        case(op + "_number", lambda a, f=f: f(a, 2.5), [r(2, 3)], value=2.5)
    case("number_sub", lambda a: 2.5 - a, [r(2, 3)], value=2.5)
    case("number_div", lambda a: 2.5 / a, [r(2, 3)], value=2.5)
    case("neg", torch.neg, [r(2, 3)])
    tied = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 2.0]])
    for op in ("maximum", "minimum"):
        case(op, getattr(torch, op), [r(2, 3), r(3)])
        case(op, getattr(torch, op), [tied, torch.tensor([1.0, 0.0, 2.0])])
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        case(op, getattr(torch, op), [tied, torch.tensor([1.0, 0.0, 2.0])])
    nonfinite = torch.tensor([1.0, float("nan"), float("inf"), float("-inf"), 0.0])
    case("isnan", torch.isnan, [nonfinite])
    case("isfinite", torch.isfinite, [nonfinite])
    case("where", lambda a, b, c: torch.where(c, a, b), [r(2, 3), r(3)], masks=[mask(2, 1)])
    case("masked_fill", lambda a, c: a.masked_fill(c, -1.5), [r(2, 3, 4)], masks=[mask(3, 1)], value=-1.5)
    for p in (2, 3, 0.5, -1, 0, 1, 2.7):
        case("pow_number", lambda a: torch.pow(a, p), [positive(2, 3)], value=p)
    case("pow_number", lambda a: torch.pow(a, 3), [torch.tensor([-2.0, 0.0, 1.5])], value=3)
    case("pow", torch.pow, [positive(2, 3), r(3)])
    case("pow", torch.pow, [torch.tensor([0.0, 0.0, 2.0]), torch.tensor([2.0, 0.0, 0.0])])
    edges = torch.tensor([-100.0, -20.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 20.0, 100.0])
    for op in ("exp", "sin", "cos", "tanh", "sigmoid", "erf", "abs", "relu", "leaky_relu", "elu", "silu", "softplus"):
        f = getattr(F, op) if op in ("leaky_relu", "elu", "silu", "softplus") else getattr(torch, op)
        case(op, f, [r(3, 4)])
        case(op, f, [edges])
    case("leaky_relu", lambda a: F.leaky_relu(a, 0.2), [edges], slope=0.2)
    case("elu", lambda a: F.elu(a, 0.7), [edges], alpha=0.7)
    for how in ("none", "tanh"):
        case("gelu", lambda a: F.gelu(a, approximate=how), [edges], approximate=how)
        case("gelu", lambda a: F.gelu(a, approximate=how), [r(3, 4)], approximate=how)
    case("softplus", lambda a: F.softplus(a, 2, 3), [edges], beta=2, threshold=3)
    for op in ("log", "sqrt", "rsqrt"):
        case(op, getattr(torch, op), [positive(3, 4)])
        case(op, getattr(torch, op), [torch.tensor([0.0, 1e-300, 1e300, 1.0])])
    case("clamp", lambda a: a.clamp(-0.5, 1.0), [edges], lo=-0.5, hi=1.0)
    case("hardtanh", lambda a: F.hardtanh(a, -0.5, 1.0), [edges], lo=-0.5, hi=1.0)
    case("clamp_min", lambda a: a.clamp(min=0.5), [edges], lo=0.5)
    case("clamp_max", lambda a: a.clamp(max=0.5), [edges], hi=0.5)
    write("pointwise")


def reduce():
    x = r(2, 3, 4)
    for op in ("sum", "mean", "var", "std", "amax", "amin", "norm"):
        f = torch.linalg.vector_norm if op == "norm" else getattr(torch, op)
        for dims, keep in (((0, 1, 2), False), ((1,), False), ((0, -1), True), ((2,), True)):
            case(op, lambda a: f(a, dim=dims, keepdim=keep), [x], dims=dims, keepdim=keep)
    for op in ("var", "std"):
        case(op, lambda a: getattr(torch, op)(a, dim=(1,), unbiased=False), [x], dims=[1], keepdim=False, unbiased=False)
    case("std", lambda a: torch.std(a, dim=(1,)), [torch.tensor([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])], dims=[1], keepdim=False)
    tied = torch.tensor([[3.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
    for op in ("amax", "amin"):
        case(op, lambda a: getattr(torch, op)(a, dim=(1,)), [tied], dims=[1], keepdim=False)
    for op in ("max", "min"):
        f = getattr(torch, op)
        case(op, lambda a: f(a), [x])
        case(op, lambda a: f(a), [tied])
        case(op + "_dim", lambda a: f(a, 1, keepdim=True), [x], dim=1, keepdim=True)
        case(op + "_dim", lambda a: f(a, -1), [tied], dim=-1, keepdim=False)
    for op in ("argmax", "argmin"):
        f = getattr(torch, op)
        case(op, lambda a: f(a), [x])
        case(op + "_dim", lambda a: f(a, 1), [x], dim=1, keepdim=False)
        case(op + "_dim", lambda a: f(a, -1, keepdim=True), [tied], dim=-1, keepdim=True)
    for p in (1, 2, 3, 0.5, float("inf"), float("-inf"), 0):
        case("norm_p", lambda a: torch.linalg.vector_norm(a, p, dim=(1,)), [x], p=number(float(p)), dims=[1], keepdim=False)
    case("norm", lambda a: torch.linalg.vector_norm(a, dim=(1,)), [torch.tensor([[0.0, 0.0], [3.0, 4.0]])], dims=[1], keepdim=False)
    with_zeros = [r(2, 3), torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0], [1.5, -2.0, 4.0]])]
    for a in with_zeros:
        case("prod", lambda a: a.prod(), [a])
        case("prod_dim", lambda a: a.prod(1), [a], dim=1, keepdim=False)
    case("logsumexp", lambda a: torch.logsumexp(a, (1,)), [x], dims=[1], keepdim=False)
    case("logsumexp", lambda a: torch.logsumexp(a, (0, 2), keepdim=True), [x * 300], dims=[0, 2], keepdim=True)
    for d in (0, 1, -1):
        case("cumsum", lambda a: a.cumsum(d), [x], dim=d)
        case("softmax", lambda a: a.softmax(d), [x * 3], dim=d)
        case("log_softmax", lambda a: a.log_softmax(d), [x * 3], dim=d)
    low = torch.tensor([[float("-inf"), 1.0, 2.0], [1000.0, 0.0, -1000.0]])
    case("softmax", lambda a: a.softmax(1), [low], dim=1)
    case("log_softmax", lambda a: a.log_softmax(1), [low], dim=1)
    for d, down in ((-1, False), (0, True), (1, True)):
        case("sort", lambda a: torch.sort(a, dim=d, descending=down, stable=True), [x], dim=d, descending=down)
        case("argsort", lambda a: torch.sort(a, dim=d, descending=down, stable=True)[1], [x], dim=d, descending=down)
    case("sort", lambda a: torch.sort(a, dim=1, stable=True), [tied], dim=1, descending=False)
    case("sort", lambda a: torch.sort(a, dim=1, descending=True, stable=True), [tied], dim=1, descending=True)
    for k, d, largest in ((2, -1, True), (1, 1, False), (3, 1, True)):
        case("topk", lambda a: torch.topk(a, k, d, largest), [x], k=k, dim=d, largest=largest)
    for op in ("any", "all"):
        case(op, lambda m: getattr(torch, op)(m), masks=[mask(2, 3)])
        case(op + "_dim", lambda m: getattr(torch, op)(m, 1), masks=[mask(3, 2)], dim=1, keepdim=False)
    write("reduce")


def rearrange():
    x = r(2, 3, 4)
    case("reshape", lambda a: a.reshape(4, -1), [x], shape=[4, -1])
    case("permute", lambda a: a.permute(2, 0, 1), [x], dims=[2, 0, 1])
    case("transpose", lambda a: a.transpose(-1, 0), [x], a=-1, b=0)
    case("slice", lambda a: a[:, 1:3], [x], dim=1, begin=1, end=3, step=1)
    case("slice", lambda a: a[..., 0:4:3], [x], dim=-1, begin=0, end=4, step=3)
    case("select", lambda a: a.select(1, -1), [x], dim=1, index=-1)
    case("narrow", lambda a: a.narrow(2, 1, 2), [x], dim=2, begin=1, length=2)
    case("expand", lambda a: a.expand(5, -1, 4), [r(3, 1)], shape=[5, -1, 4])
    case("squeeze", lambda a: a.squeeze(), [r(1, 3, 1)])
    case("squeeze_dim", lambda a: a.squeeze(0), [r(1, 3, 1)], dim=0)
    case("unsqueeze", lambda a: a.unsqueeze(-1), [x], dim=-1)
    case("flatten", lambda a: a.flatten(1, -1), [x], first=1, last=-1)
    case("cat", lambda *a: torch.cat(a, 1), [r(2, 1, 2), r(2, 3, 2), r(2, 0, 2)], dim=1)
    case("cat", lambda *a: torch.cat(a, -1), [r(2, 2), r(2, 3)], dim=-1)
    case("stack", lambda *a: torch.stack(a, -1), [r(2, 3), r(2, 3), r(2, 3)], dim=-1)
    for i in range(3):
        case("split", lambda a: a.split(2, 0)[i], [r(5, 2)], size=2, dim=0, piece=i)
        case("split_sizes", lambda a: a.split([1, 0, 3], 2)[i], [x], sizes=[1, 0, 3], dim=2, piece=i)
        case("chunk", lambda a: a.chunk(3, 0)[i], [r(7, 2)], chunks=3, dim=0, piece=i)
    case("index_select", lambda a, i: a.index_select(1, i), [x], ids=[torch.tensor([2, 0, 2, 2])], dim=1)
    case("index_select", lambda a, i: a.index_select(-1, i), [x], ids=[torch.tensor([3, 3, 0])], dim=-1)
    for d in range(3):
        i = ints(2, 2, 2, 2)
        case("gather", lambda a, i: a.gather(d, i), [x], ids=[i], dim=d)
        case("scatter_add", lambda a, s, i: a.scatter_add(d, i, s), [x, r(2, 2, 2)], ids=[i], dim=d)
    ids = torch.tensor([[1, 4, 1], [0, 2, 4]])
    case("embedding", lambda w, i: F.embedding(i, w), [r(5, 3)], ids=[ids])
    for padding in (4, -4):
        case("embedding", lambda w, i: F.embedding(i, w, padding), [r(5, 3)], ids=[ids], padding_idx=padding)
    for pads in ([1, 2], [0, 1, 2, 0], [-1, 1, 1, -2], [1, 1, 0, 2, 1, 0]):
        case("pad", lambda a: F.pad(a, pads, value=0.5), [x], pads=pads, mode="constant", value=0.5)
    image = r(1, 2, 4, 5)
    for how in ("reflect", "replicate", "circular"):
        for pads in ([1, 2], [2, 1, 3, 0]):
            a = image if len(pads) == 4 else image[0]
            case("pad", lambda a: F.pad(a, pads, mode=how), [a], pads=pads, mode=how)
    case("flip", lambda a: a.flip(0, 2), [x], dims=[0, 2])
    case("roll", lambda a: a.roll(5), [x], shifts=[5], dims=[])
    case("roll", lambda a: a.roll((1, -2), (0, 2)), [x], shifts=[1, -2], dims=[0, 2])
    for d in (-1, 0, 2):
        case("tril", lambda a: a.tril(d), [x], diagonal=d)
        case("triu", lambda a: a.triu(d), [x], diagonal=d)
    case("pixel_shuffle", lambda a: F.pixel_shuffle(a, 2), [r(1, 8, 2, 3)], factor=2)
    case("pixel_unshuffle", lambda a: F.pixel_unshuffle(a, 2), [r(1, 2, 4, 6)], factor=2)
    write("rearrange")


def product():
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((3,), (2, 3, 4)),
              ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((4, 1, 2, 3), (3, 3, 2)),
              ((1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 3), (3, 2))]
    for a, b in shapes:
        case("matmul", torch.matmul, [r(*a), r(*b)])
    case("matmul", lambda a, b: a.mT @ b.mT, [r(2, 3, 4), r(2, 5, 3)], transposed=True)
    case("bmm", torch.bmm, [r(3, 2, 4), r(3, 4, 5)])
    case("linear", F.linear, [r(2, 4, 3), r(5, 3), r(5)])
    case("linear", F.linear, [r(4, 3), r(5, 3)])
    case("linear", F.linear, [r(3), r(5, 3), r(5)])
    for text, operands in (
        ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]),
        ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ij->j", [(2, 3)]), ("i,j->ij", [(2,), (3,)]), ("i,i->", [(3,), (3,)]),
        ("ij,ij->i", [(2, 3), (2, 3)]), ("ij,ij->ij", [(2, 3), (2, 3)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]),
        ("iji->j", [(3, 2, 3)]), ("...ij,...jk->...ik", [(2, 1, 2, 3), (4, 3, 2)]), ("...d,d->...", [(2, 3, 4), (4,)]),
        ("b...d->bd...", [(2, 3, 4, 2)]), ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("ba", [(2, 3)]),
        ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]), ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]),
        ("ij,kj->ik", [(2, 1), (3, 4)]), ("ab,cd->ab", [(2, 2), (3, 2)])):
        case("einsum", lambda *a: torch.einsum(text, *a), [r(*s) for s in operands], text=text)
    write("product")


def convolution():
    for c_in, c_out, n, k, options in (
        (2, 3, 7, 3, {}), (2, 4, 8, 3, dict(stride=2, padding=1)), (4, 4, 9, 3, dict(padding=2, dilation=2, groups=2))):
        case("conv1d", lambda x, w, b: F.conv1d(x, w, b, **options),
             [r(2, c_in, n), r(c_out, c_in // options.get("groups", 1), k), r(c_out)], **options)
    case("conv1d", F.conv1d, [r(1, 2, 5), r(3, 2, 1)])
    for c_in, c_out, size, k, options in (
        (2, 3, (5, 6), (3, 3), {}), (3, 4, (6, 5), (1, 1), {}), (2, 3, (7, 7), (3, 3), dict(stride=2, padding=1)),
        (2, 2, (6, 8), (3, 2), dict(stride=(2, 1), padding=(1, 0))), (1, 2, (8, 7), (3, 3), dict(dilation=2)),
        (2, 2, (7, 8), (2, 3), dict(dilation=(2, 1), padding=(0, 2))), (4, 6, (5, 5), (3, 3), dict(groups=2, padding=1)),
        (3, 3, (6, 6), (3, 3), dict(groups=3, padding=1, stride=2)), (3, 6, (5, 4), (3, 3), dict(groups=3, padding=1)),
        (2, 3, (9, 9), (7, 7), dict(stride=2, padding=3)), (4, 2, (6, 6), (1, 1), dict(stride=2))):
        w = r(c_out, c_in // options.get("groups", 1), *k)
        case("conv2d", lambda x, w, b: F.conv2d(x, w, b, **options), [r(2, c_in, *size), w, r(c_out)], **options)
        case("conv2d", lambda x, w: F.conv2d(x, w, **options), [r(1, c_in, *size), w], **options)
    for c_in, c_out, k, options in (
        (2, 3, (2, 2), dict(stride=2)), (2, 3, (3, 3), {}), (3, 2, (3, 3), dict(stride=2, padding=1, output_padding=1)),
        (4, 4, (3, 2), dict(stride=(2, 1), padding=(1, 0), groups=2)), (2, 2, (3, 3), dict(dilation=2, padding=1))):
        case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, **options),
             [r(2, c_in, 4, 3), r(c_in, c_out // options.get("groups", 1), *k), r(c_out)], **options)
    x = r(2, 2, 7, 6)
    for k, options in ((2, {}), (3, dict(stride=2, padding=1)), ((2, 3), dict(stride=(1, 2))),
                       (3, dict(stride=2, ceil_mode=True)), (2, dict(dilation=2, stride=1))):
        case("max_pool2d", lambda a: F.max_pool2d(a, k, **options), [x], kernel=k, **options)
    case("max_pool2d", lambda a: F.max_pool2d(a, 2), [torch.ones(1, 1, 4, 4)], kernel=2)
    for k, options in ((2, {}), (3, dict(stride=2, padding=1)), (3, dict(stride=2, padding=1, count_include_pad=False)),
                       ((3, 2), dict(stride=2, ceil_mode=True))):
        case("avg_pool2d", lambda a: F.avg_pool2d(a, k, **options), [x], kernel=k, **options)
    for size in (1, (3, 2), (7, 6), (4, 8)):
        case("adaptive_avg_pool2d", lambda a: F.adaptive_avg_pool2d(a, size), [x], size=size)
    small = r(1, 2, 3, 4)
    for options in (dict(size=(6, 8), mode="nearest"), dict(size=(5, 3), mode="nearest"), dict(scale_factor=2.0, mode="nearest"),
                    dict(size=(6, 8), mode="bilinear"), dict(size=(5, 7), mode="bilinear", align_corners=True),
                    dict(scale_factor=2.0, mode="bilinear"), dict(size=(2, 2), mode="bilinear"),
                    dict(size=(1, 1), mode="bilinear", align_corners=True)):
        case("interpolate", lambda a: F.interpolate(a, **options), [small], **options)
    write("convolution")


def rms_norm(x, shape, w=None, eps=1e-6):
    dims = tuple(range(-len(shape), 0))
    y = x * torch.rsqrt(x.square().mean(dims, keepdim=True) + eps)
    return y if w is None else y * w


def attention(q, k, v, bias=None, causal=False, scale=None):
    """softmax(q k^T * scale + bias) v; rows that may attend to nothing are 0."""
    scores = q @ k.transpose(-2, -1) * (scale or 1 / math.sqrt(q.shape[-1]))
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool)
    if causal:
        allowed = allowed.tril()
    if bias is not None and bias.dtype == torch.bool:
        allowed = allowed & bias
    elif bias is not None:
        scores = scores + bias
    p = scores.masked_fill(~allowed, -math.inf).softmax(-1).masked_fill(~allowed, 0)
    return torch.where(allowed.any(-1, keepdim=True), p, torch.zeros(())) @ v


def normalization():
    for shape in ((4, 3), (3, 2, 4), (2, 3, 2, 4)):
        c = shape[1]
        mean, var = r(c), positive(c)
        for training, momentum in ((True, 0.1), (True, 0.3), (False, 0.1)):
            def f(x, w, b):
                m, v = mean.clone(), var.clone()
                y = F.batch_norm(x, m, v, w, b, training, momentum, 1e-5)
                return y, m, v
            case("batch_norm", f, [r(*shape) * 2 + 1, r(c), r(c)], mean=mean.tolist(), var=var.tolist(),
                 training=training, momentum=momentum, eps=1e-5)
    case("batch_norm", lambda x: F.batch_norm(x, torch.zeros(3), torch.ones(3), training=True), [r(4, 3)],
         mean=[0] * 3, var=[1] * 3, training=True, momentum=0.1, eps=1e-5, running=False)
    for shape in ((4,), (3, 4)):
        case("layer_norm", lambda x, w, b: F.layer_norm(x, shape, w, b, 1e-5), [r(2, 3, 4), r(*shape), r(*shape)],
             shape=shape, eps=1e-5)
        case("layer_norm", lambda x: F.layer_norm(x, shape, eps=1e-3), [r(2, 3, 4)], shape=shape, eps=1e-3)
        case("rms_norm", lambda x, w: rms_norm(x, shape, w, 1e-6), [r(2, 3, 4), r(*shape)], shape=shape, eps=1e-6)
        case("rms_norm", lambda x: rms_norm(x, shape, eps=1e-3), [r(2, 3, 4)], shape=shape, eps=1e-3)
    for groups in (1, 2, 4):
        case("group_norm", lambda x, w, b: F.group_norm(x, groups, w, b), [r(2, 4, 3, 2), r(4), r(4)], groups=groups, eps=1e-5)
    case("group_norm", lambda x: F.group_norm(x, 2), [r(2, 4, 3)], groups=2, eps=1e-5)
    case("instance_norm", lambda x, w, b: F.instance_norm(x, None, None, w, b), [r(2, 3, 4, 2), r(3), r(3)], eps=1e-5)
    case("instance_norm", lambda x: F.instance_norm(x), [r(2, 3, 5)], eps=1e-5)
    write("normalization")

    q, k, v = r(2, 2, 4, 3), r(2, 2, 5, 3), r(2, 2, 5, 3)
    case("attention", attention, [q, k, v])
    case("attention", lambda q, k, v: attention(q, k, v, causal=True), [q, r(2, 2, 4, 3), r(2, 2, 4, 3)], is_causal=True)
    case("attention", lambda q, k, v: attention(q, k, v, scale=0.3), [q, k, v], scale=0.3)
    case("attention", lambda q, k, v, b: attention(q, k, v, b), [q, k, v, r(4, 5)])
    case("attention", lambda q, k, v, b: attention(q, k, v, b), [q, k, v, r(2, 1, 4, 5)])
    case("attention", attention, [q, k, v], masks=[mask(4, 5) | torch.eye(4, 5, dtype=torch.bool)])
    none = torch.ones(4, 5, dtype=torch.bool)
    none[2] = False
    case("attention", attention, [q, k, v], masks=[none])
    case("attention", attention, [r(3, 4), r(5, 4), r(5, 2)])
    write("attention")


def loss():
    logits = r(5, 4)
    target = torch.tensor([0, 3, 1, 3, 2])
    ignored = torch.tensor([0, -100, 1, 3, -100])
    weight = positive(4)
    for reduction in ("mean", "sum", "none"):
        for t in (target, ignored):
            case("cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction=reduction), [logits], ids=[t], reduction=reduction)
            case("cross_entropy", lambda x, t: F.cross_entropy(x, t, weight, reduction=reduction, label_smoothing=0.1),
                 [logits], ids=[t], reduction=reduction, weight=weight.tolist(), label_smoothing=0.1)
            case("cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction=reduction, label_smoothing=0.2),
                 [logits], ids=[t], reduction=reduction, label_smoothing=0.2)
            case("nll_loss", lambda x, t: F.nll_loss(x, t, weight, reduction=reduction), [logits], ids=[t],
                 reduction=reduction, weight=weight.tolist())
        case("cross_entropy", lambda x, t: F.cross_entropy(x, t, weight, reduction=reduction), [logits], ids=[target],
             reduction=reduction, weight=weight.tolist())
        case("cross_entropy", lambda x, t: F.cross_entropy(x, t, ignore_index=3, reduction=reduction), [logits], ids=[target],
             reduction=reduction, ignore_index=3)
        case("cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction=reduction), [r(2, 3, 2, 2)], ids=[ints(3, 2, 2, 2)],
             reduction=reduction)
        case("nll_loss", lambda x, t: F.nll_loss(x, t, reduction=reduction), [logits], ids=[ignored], reduction=reduction)
        a, b = r(3, 4), r(3, 4)
        b[0, 0] = a[0, 0]
        for op in ("mse_loss", "l1_loss", "smooth_l1_loss"):
            case(op, lambda x, y: getattr(F, op)(x, y, reduction=reduction), [a * 2, b * 2], reduction=reduction)
        case("binary_cross_entropy_with_logits", lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction=reduction),
             [torch.tensor([[-500.0, 0.0, 500.0], [1.5, -0.3, 2.0]]), torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, 0.2]])],
             reduction=reduction)
        p = r(3, 4).softmax(1)
        case("kl_div", lambda x, y: F.kl_div(x, y, reduction=reduction), [r(3, 4).log_softmax(1), p], reduction=reduction)
        case("kl_div", lambda x, y: F.kl_div(x, y, reduction=reduction, log_target=True),
             [r(3, 4).log_softmax(1), r(3, 4).log_softmax(1)], reduction=reduction, log_target=True)
        w, pw = positive(3), positive(2, 1)
        case("binary_cross_entropy_with_logits", lambda x, y: F.binary_cross_entropy_with_logits(
            x, y, w, reduction=reduction, pos_weight=pw), [r(2, 3), torch.rand(2, 3)], reduction=reduction,
             weight=w.tolist(), pos_weight=pw.flatten().tolist())
    case("kl_div", lambda x, y: F.kl_div(x, y, reduction="batchmean"), [r(3, 4).log_softmax(1), r(3, 4).softmax(1)],
         reduction="batchmean")
    case("smooth_l1_loss", lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), [r(3, 4), r(3, 4)], reduction="mean", beta=0.5)
    case("cross_entropy", lambda x, y: F.cross_entropy(x, y), [logits, r(5, 4).softmax(1)], reduction="mean", probabilities=True)
    write("loss")


def module(name, m, inputs, masks=(), outputs=None, **options):
    """A case of a module: its parameters, by name, are further real inputs; buffers are options."""
    m = m.double()
    with torch.no_grad():
        for p in m.parameters():
            p.copy_(r(*p.shape) * 0.5)
    names = [n for n, _ in m.named_parameters()]

    x = [t.clone().requires_grad_() for t in inputs]
    y = m(*x, *masks)
    g = r(*y.shape)
    grads = torch.autograd.grad(y, x + list(m.parameters()), g, allow_unused=True)
    cases.append({"op": name, "options": dict(options, parameters=",".join(names)),
                  "x": [pack(t) for t in x] + [pack(p) for p in m.parameters()], "ids": [], "masks": [pack(t) for t in masks],
                  "outputs": [pack(y)] + [pack(b) for n, b in m.named_buffers() if "num_batches" not in n], "g": pack(g),
                  "grads": [None if d is None else pack(d) for d in grads]})


class Attention(torch.nn.Module):
    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.attn, self.causal = torch.nn.MultiheadAttention(width, heads, batch_first=True), causal

    def forward(self, q, k=None):
        k = q if k is None else k
        t = q.shape[1]
        blocked = torch.ones(t, k.shape[1], dtype=torch.bool).triu(1) if self.causal else None
        return self.attn(q, k, k, need_weights=False, attn_mask=blocked)[0]


def modules():
    nn = torch.nn
    x = r(2, 3, 4)
    module("LayerNorm", nn.LayerNorm(4), [x], width=4)
    module("GroupNorm", nn.GroupNorm(2, 4), [r(2, 4, 3)], groups=2, channels=4)
    for training in (True, False):
        m = nn.BatchNorm2d(3).train(training)
        module("BatchNorm2d", m, [r(2, 3, 2, 2)], channels=3, training=training)
    module("Linear", nn.Linear(4, 5), [x], width=4, out=5)
    module("Conv2d", nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), [r(1, 2, 5, 5)], channels=2, out=4, kernel=3, stride=2,
           padding=1, groups=2)
    module("MultiheadAttention", Attention(4, 2), [x], width=4, heads=2)
    module("MultiheadAttention", Attention(4, 2, True), [x], width=4, heads=2, causal=True)
    module("MultiheadAttention", Attention(4, 2), [x, r(2, 5, 4)], width=4, heads=2)
    for first in (True, False):
        for activation in ("relu", "gelu"):
            module("TransformerEncoderBlock", nn.TransformerEncoderLayer(
                4, 2, 6, dropout=0.0, activation=activation, batch_first=True, norm_first=first), [x],
                width=4, heads=2, hidden=6, norm_first=first, activation=activation)
        module("TransformerDecoderBlock", nn.TransformerDecoderLayer(
            4, 2, 6, dropout=0.0, batch_first=True, norm_first=first), [x, r(2, 5, 4)],
            width=4, heads=2, hidden=6, norm_first=first, activation="relu")
    write("modules")


def optimizers():
    """Five steps on given gradients; outputs are the parameter after each."""
    for name, options in (
        ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9)), ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.01)),
        ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)), ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02)),
        ("Adam", dict(lr=0.01)), ("Adam", dict(lr=0.01, weight_decay=0.1)), ("AdamW", dict(lr=0.01)),
        ("AdamW", dict(lr=0.01, weight_decay=0.1)), ("RMSprop", dict(lr=0.01)),
        ("RMSprop", dict(lr=0.01, momentum=0.9, centered=True)), ("RMSprop", dict(lr=0.01, momentum=0.9)),
        ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3)), ("Adam", dict(lr=0.01, amsgrad=True)), ("RMSprop", dict(lr=0.01, weight_decay=0.1))):
        p = r(2, 3).requires_grad_()
        start, gradients, after = p.detach().clone(), [r(2, 3) for _ in range(5)], []
        optimizer = getattr(torch.optim, name)([p], **options)
        for g in gradients:
            p.grad = g.clone()
            optimizer.step()
            after.append(p.detach().clone())
        cases.append({"op": name, "options": options, "x": [pack(start)] + [pack(g) for g in gradients], "ids": [],
                      "masks": [], "outputs": [pack(a) for a in after]})
    write("optimizers")


if __name__ == "__main__":
    for family in (pointwise, reduce, rearrange, product, convolution, normalization, loss, modules, optimizers):
        family()
