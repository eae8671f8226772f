"""What the scripts beside this file share: weights and inputs by a rule that the C++ side repeats, and what of a
model's answers is kept. So the files hold answers alone, and no weights.

The rule: element i of the series `name` is (splitmix64(fnv1a64(name), i) >> 40) / 2^23 - 1, uniform in [-1, 1).
"""
import json
import math
import pathlib

import numpy
import torch

folder = pathlib.Path(__file__).parent / "models"
torch.set_default_dtype(torch.float64)


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def series(name, *shape):
    n = math.prod(shape)
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(fnv1a64(name)) + numpy.arange(1, n + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    u = (z >> numpy.uint64(40)).astype(numpy.float64) / 2.0**23 - 1
    return torch.from_numpy(u.reshape(shape))


def ids(name, high, *shape):
    """Integers in [0, high)."""
    return torch.floor((series(name, *shape) + 1) / 2 * high).long()


def fill(model, calm=False):
    """Weights by name: matrices of variance 1 / fan_in, norms near 1, biases near 0, rounded to float.

    In a deep network of ReLUs and batch norms PyTorch's own float gradients are wrong by 1 % (ResNet-18) to 10 %
    (ResNet-152): the error of a value near 0 decides whether a ReLU lets a gradient through, and norms over few values
    magnify errors from block to block. `calm` weights avoid both, so that a strict comparison in float is possible:
    matrices of variance 2 / fan_in, and behind a batch norm most values stay on one side of 0.
    """
    entries = model.state_dict()
    for name, t in entries.items():
        if name.endswith("num_batches_tracked"):
            t.zero_()
            continue
        u = series(name, *t.shape)
        batch_norm = name.rpartition(".")[0] + ".running_mean" in entries
        if t.dim() > 1:
            u = u * math.sqrt((6 if calm else 3) / (t.numel() // t.shape[0]))
        elif calm and batch_norm and name.endswith("weight"):
            u = 0.25 + 0.0625 * u
        elif calm and batch_norm and name.endswith("bias"):
            u = 0.25 * u + 0.75 * (1 - 2 * (u < 0).double())
        elif name.endswith("running_var"):
            u = 1 + 0.5 * u
        elif name.endswith("weight"):
            u = 1 + 0.25 * u
        else:
            u = 0.125 * u
        t.copy_(u.float().double())


def sample(t):
    """At most 256 elements, evenly spread, and the norm of all."""
    flat = t.detach().flatten()
    n = flat.numel()
    at = torch.arange(min(n, 256)) * n // min(n, 256)
    return {"shape": list(t.shape), "norm": float(flat.norm()), "sample": flat[at].tolist()}


def names(model):
    lines = sorted(f"{k} {tuple(t.shape)}" for k, t in model.state_dict().items())
    return {"entries": len(lines), "names": f"{fnv1a64(chr(10).join(lines)):016x}",
            "parameters": sum(p.numel() for p in model.parameters())}


def loss_of(y):
    return torch.nn.functional.mse_loss(y, series("target", *y.shape))


def record(model, *inputs, steps=0, lr=0.01, calm=False):
    """A model's answer to the inputs in eval and train mode, the gradients of its first and last parameter for the mean
    squared difference to the series `target`, and the losses of some steps of SGD with momentum 0.9. Dropout must be 0.
    """
    model = model.double()
    fill(model, calm)
    found = names(model)
    if calm:
        found["calm"] = True
    model.eval()
    found["eval"] = sample(model(*inputs))
    model.train()
    y = model(*inputs)
    found["train"] = sample(y)
    loss_of(y).backward()
    parameters = [(k, p) for k, p in model.named_parameters() if p.grad is not None]
    for which, (name, p) in (("first", parameters[0]), ("last", parameters[-1])):
        found[which] = {"name": name, **sample(p.grad)}
    if steps:
        fill(model, calm)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        found["lr"], found["losses"] = lr, []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of(model(*inputs))
            loss.backward()
            optimizer.step()
            found["losses"].append(float(loss))
    return found


def write(family, records):
    folder.mkdir(exist_ok=True)
    lines = (json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in records.items())
    path = folder / f"{family}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {len(records)} models, {path.stat().st_size} bytes")
