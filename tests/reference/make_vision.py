"""ResNets, VGG (models/resnets.json) and the networks for CIFAR (models/cifar.json): torchvision's own where it has
them, else plain statements of the papers. Needs torchvision 0.14."""
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import parity


def conv(kernel, c_in, c_out, stride=1):
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)


class Blur(nn.Module):
    """Zhang 2019."""

    def forward(self, x):
        f = torch.tensor([1.0, 2.0, 1.0])
        f = (f[:, None] * f[None, :] / 16).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), f, stride=2, groups=x.shape[1])


class Pad(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.channels))


def shortcut(kind, c_in, c_out, stride, blur, norm):
    if kind != "C" and c_in == c_out and stride == 1:
        return nn.Identity()
    blur = blur and stride != 1
    step = 1 if blur else stride
    if kind == "A":
        change = Pad(c_out - c_in, step)
    else:
        change = conv(1, c_in, c_out, step)
        if norm:
            change = nn.Sequential(change, nn.BatchNorm2d(c_out))
    if not blur:
        return change
    both = nn.Sequential()
    both.add_module("blur", Blur())
    both.add_module("resized", change)
    return both


class Basic(nn.Module):
    """He et al. 2015, with the squeeze and excitation of Hu et al. 2018."""

    def __init__(self, c_in, c_out, stride, o):
        super().__init__()
        self.plain, blur = o["plain"], o["blur"] and stride != 1
        self.conv1, self.bn1 = conv(3, c_in, c_out, 1 if blur else stride), nn.BatchNorm2d(c_out)
        self.blur = Blur() if blur else nn.Identity()
        self.conv2, self.bn2 = conv(3, c_out, c_out), nn.BatchNorm2d(c_out)
        self.se = squeeze(c_out, o)
        if not self.plain:
            self.shortcut = shortcut(o["shortcut"], c_in, c_out, stride, o["blur"], True)

    def forward(self, x):
        y = self.se(self.bn2(self.conv2(self.blur(F.relu(self.bn1(self.conv1(x)))))))
        return F.relu(y if self.plain else self.shortcut(x) + y)


def squeeze(channels, o):
    if not o["se"]:
        return nn.Identity()
    return torchvision.ops.SqueezeExcitation(channels, channels // o["se"])


class PreBranch(nn.Module):
    """He et al. 2016, and the wide networks of Zagoruyko and Komodakis 2016; without the first norm and ReLU."""

    def __init__(self, c_in, c_out, stride, o, first):
        super().__init__()
        blur, wide = o["blur"] and stride != 1, o["widen"] > 0
        middle = c_out if wide else c_out // 4
        if first:
            self.bn1 = nn.BatchNorm2d(c_in)
        self.conv1 = conv(3 if wide else 1, c_in, middle, 1 if blur else stride)
        self.bn2 = nn.BatchNorm2d(middle)
        self.blur = Blur() if blur else nn.Identity()
        self.conv2 = conv(3, middle, middle)
        if not wide:
            self.bn3, self.conv3 = nn.BatchNorm2d(middle), conv(1, middle, c_out)
        self.se = squeeze(c_out, o)

    def forward(self, x):
        if hasattr(self, "bn1"):
            x = F.relu(self.bn1(x))
        y = self.conv2(self.blur(F.relu(self.bn2(self.conv1(x)))))
        if hasattr(self, "conv3"):
            y = self.conv3(F.relu(self.bn3(y)))
        return self.se(y)


class PreBlock(nn.Module):
    def __init__(self, branch, skip):
        super().__init__()
        self.branch, self.shortcut = branch, skip

    def forward(self, x):
        return self.shortcut(x) + self.branch(x)


class SharedPreBlock(nn.Module):
    def __init__(self, c_in, block):
        super().__init__()
        self.bn1, self.block = nn.BatchNorm2d(c_in), block

    def forward(self, x):
        return self.block(F.relu(self.bn1(x)))


def pre_block(c_in, c_out, stride, o):
    if o["plain"]:
        return PreBranch(c_in, c_out, stride, o, True)
    shared = c_in != c_out or stride != 1
    skip = shortcut(o["shortcut"], c_in, c_out, stride, o["blur"], False)
    block = PreBlock(PreBranch(c_in, c_out, stride, o, not shared), skip)
    return SharedPreBlock(c_in, block) if shared else block


class Cifar(nn.Module):
    def __init__(self, n, shortcut="A", version=1, plain=False, blur=False, se=0, widen=0):
        super().__init__()
        o = {"shortcut": shortcut, "plain": plain, "blur": blur, "se": se, "widen": widen}
        self.version, k = version, 1 if version == 1 else widen or 4
        widths = [16, 16 * k, 32 * k, 64 * k]
        make = Basic if version == 1 else pre_block
        self.conv1, self.bn1 = conv(3, 3, 16), nn.BatchNorm2d(16 if version == 1 else 64 * k)
        for s in range(3):
            c_in, c_out, stride = widths[s], widths[s + 1], 1 if s == 0 else 2
            blocks = [make(c_in if i == 0 else c_out, c_out, stride if i == 0 else 1, o) for i in range(n)]
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64 * k, 10)

    def forward(self, x):
        x = self.conv1(x)
        if self.version == 1:
            x = F.relu(self.bn1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        if self.version == 2:
            x = F.relu(self.bn1(x))
        return self.fc(x.mean((2, 3)))


class FixupBlock(nn.Module):
    """Zhang et al. 2019."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        for name in "bias1a", "bias1b", "bias2a", "scale", "bias2b":
            setattr(self, name, nn.Parameter(torch.zeros(1)))
        self.conv1, self.conv2 = conv(3, c_in, c_out, stride), conv(3, c_out, c_out)
        self.shortcut = nn.Identity() if stride == 1 else Pad(c_out - c_in, stride)

    def forward(self, x):
        y = F.relu(self.conv1(x + self.bias1a) + self.bias1b)
        y = self.conv2(y + self.bias2a) * self.scale + self.bias2b
        return F.relu(self.shortcut(x) + y)


class Fixup(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.bias1 = conv(3, 3, 16), nn.Parameter(torch.zeros(1))
        for s, (c_in, c_out) in enumerate(((16, 16), (16, 32), (32, 64))):
            blocks = [FixupBlock(c_in if i == 0 else c_out, c_out, 1 if s == 0 or i else 2) for i in range(n)]
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        self.bias2, self.fc = nn.Parameter(torch.zeros(1)), nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x) + self.bias1)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)) + self.bias2)


class HighwayLayer(nn.Module):
    """Srivastava et al. 2015."""

    def __init__(self, width):
        super().__init__()
        self.transform, self.gate = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return t * F.relu(self.transform(x)) + (1 - t) * x


class Highway(nn.Module):
    def __init__(self, c_in, width, depth, classes):
        super().__init__()
        self.first = nn.Linear(c_in, width)
        self.layers = nn.Sequential(*(HighwayLayer(width) for _ in range(depth - 1)))
        self.last = nn.Linear(width, classes)

    def forward(self, x):
        return self.last(self.layers(F.relu(self.first(x))))


# Inputs of which no value comes within float's error of the point where a ReLU or a pooling decides otherwise.
records = {}
for name, photos in {
    "resnet18": "input", "resnet34": "input", "resnet50": "input", "resnet101": "input2", "resnet152": "input2",
    "wide_resnet50_2": "input6", "wide_resnet101_2": "input6", "resnext50_32x4d": "input8", "resnext101_32x8d": "input",
}.items():
    net, x = getattr(torchvision.models, name)(), parity.series(photos, 4, 3, 64, 64)
    records[name] = parity.record(net, x, steps=10 if name == "resnet18" else 0, calm=True)
for name in "vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn".split():
    photos = "input6" if name == "vgg19_bn" else "input1"
    net, x = getattr(torchvision.models, name)(dropout=0.0), parity.series(photos, 4, 3, 32, 32)
    records[name] = parity.record(net, x, steps=10 if name == "vgg11_bn" else 0, calm=True)
parity.write("resnets", records)

images = parity.series("input4", 4, 3, 16, 16)
records = {}
for kind in "A", "B", "C":
    records[f"resnet20_{kind}"] = parity.record(Cifar(3, kind), images, steps=10, lr=0.0007, calm=True)
for name, net in {
    "resnet20_plain": Cifar(3, plain=True),
    "resnet20_blur": Cifar(3, blur=True),
    "resnet20_blur_B": Cifar(3, "B", blur=True),
    "resnet20_se": Cifar(3, se=8),
    "preact29": Cifar(3, "B", 2),
    "preact29_A": Cifar(3, "A", 2),
    "preact29_C": Cifar(3, "C", 2),
    "preact29_plain": Cifar(3, version=2, plain=True),
    "preact29_blur_se": Cifar(3, "B", 2, blur=True, se=16),
    "wrn16_2": Cifar(2, "B", 2, widen=2),
}.items():
    records[name] = parity.record(net, images, calm=True)
records["fixup20"] = parity.record(Fixup(3), images[:2], steps=10, lr=0.05, calm=True)
x = parity.series("input4", 32, 20)
records["highway10"] = parity.record(Highway(20, 16, 10, 5), x, steps=10, lr=0.05, calm=True)
parity.write("cifar", records)
