"""U-Nets, DenseNet, MobileNetV2 and ConvNeXt: their answers in models/unets.json. Needs torchvision 0.14."""
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import parity


class Unit(nn.Module):
    def __init__(self, c_in, c_out, residual):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual and c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.residual:
            y = y + (self.shortcut(x) if hasattr(self, "shortcut") else x)
        return F.relu(y)


class UpStep(nn.Module):
    def __init__(self, c_in, skip, c_out, residual, up):
        super().__init__()
        if up == "transpose":
            self.up = nn.ConvTranspose2d(c_in, c_out, 2, stride=2)
        else:
            # Upsampling first, as the paper has it; with a 1x1 behind it the order changes nothing.
            self.up = nn.Sequential(nn.Conv2d(c_in, c_out, 1))
        self.bilinear = up == "bilinear"
        self.unit = Unit(skip + c_out, c_out, residual)

    def forward(self, x, skip):
        if self.bilinear:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.up(x)
        x = F.pad(x, [0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]])
        return self.unit(torch.cat([skip, x], 1))


class UNet(nn.Module):
    def __init__(self, in_channels, classes, width, levels, residual, up):
        super().__init__()
        widths = [in_channels] + [width * 2**i for i in range(levels + 1)]
        self.down = nn.ModuleList(Unit(widths[i], widths[i + 1], residual) for i in range(levels))
        self.bottom = Unit(widths[levels], widths[levels + 1], residual)
        self.up = nn.ModuleList(UpStep(widths[i + 1], widths[i], widths[i], residual, up) for i in range(levels, 0, -1))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for unit in self.down:
            x = unit(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for step in self.up:
            x = step(x, skips.pop())
        return self.head(x)


class ResNetUNet(nn.Module):
    def __init__(self, encoder, classes, residual, up):
        super().__init__()
        deepest = encoder.fc.in_features
        self.conv1, self.bn1 = encoder.conv1, encoder.bn1
        self.layer1, self.layer2 = encoder.layer1, encoder.layer2
        self.layer3, self.layer4 = encoder.layer3, encoder.layer4
        joins = (deepest, deepest // 2, 256), (256, deepest // 4, 128), (128, deepest // 8, 64), (64, 64, 32)
        self.up = nn.ModuleList(UpStep(*join, residual, up) for join in joins + ((32, 3, 16),))
        self.head = nn.Conv2d(16, classes, 1)

    def forward(self, x):
        skips = [x, F.relu(self.bn1(self.conv1(x)))]
        skips.append(self.layer1(F.max_pool2d(skips[-1], 3, stride=2, padding=1)))
        skips.append(self.layer2(skips[-1]))
        skips.append(self.layer3(skips[-1]))
        x = self.layer4(skips[-1])
        for step in self.up:
            x = step(x, skips.pop())
        return self.head(x)


records = {}
images = parity.series("input", 2, 3, 64, 64)
records["densenet121"] = parity.record(torchvision.models.densenet121(), images, calm=True)
net = torchvision.models.mobilenet_v2(dropout=0)
records["mobilenet_v2"] = parity.record(net, parity.series("input", 2, 3, 128, 128), steps=3, lr=1e-3)
records["convnext_tiny"] = parity.record(torchvision.models.convnext_tiny(stochastic_depth_prob=0), images)
images = parity.series("input", 2, 2, 20, 27)
for kind in "plain", "residual":
    for up in "transpose", "bilinear":
        net = UNet(2, 3, 4, 3, kind == "residual", up)
        records[f"unet_{kind}_{up}"] = parity.record(net, images, steps=10, calm=True)
images = parity.series("input", 2, 3, 75, 102)
net = ResNetUNet(torchvision.models.resnet18(), 3, False, "transpose")
records["resnet18_unet"] = parity.record(net, images, steps=10, calm=True)
bottlenecks = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1])
net = ResNetUNet(bottlenecks, 2, True, "bilinear")
records["resnet14_unet"] = parity.record(net, images, steps=10, calm=True)
parity.write("unets", records)
