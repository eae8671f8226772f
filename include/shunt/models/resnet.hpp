// The residual networks for photographs (He et al. 2015, "Deep Residual Learning for Image Recognition", table 1), wide
// (Zagoruyko and Komodakis 2016) and with grouped convolutions (Xie et al. 2017, "ResNeXt"). Layers and names are
// torchvision's, so that its state dicts load as they are.
#pragma once

#include <array>

#include "shunt/models/blocks.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/pool.hpp"

namespace shunt::models {

struct ResNetOptions {
  std::int64_t classes = 1000, in_channels = 3;
  bool zero_init = false;  ///< Each branch starts at 0: its last norm's weight (Goyal et al. 2017).
  double drop_path = 0;    ///< Stochastic depth, from 0 at the first block to this at the last (Huang et al. 2016).
};

/// What tells the members of the family apart.
struct ResNetDesign {
  std::array<std::int64_t, 4> blocks;  ///< In each stage.
  bool bottleneck = true;              ///< 1x1, 3x3, 1x1 convolutions and four times the channels; else two 3x3.
  std::int64_t groups = 1;             ///< Of a bottleneck's 3x3 convolution,
  std::int64_t width_per_group = 64;   ///< and its channels a group in the first stage.
};

namespace detail {

/// 1x1 to fewer channels, 3x3 among them, 1x1 back (He et al. 2015, fig. 5). The 3x3 has the stride, which the paper
/// gives to the first 1x1: "version 1.5", half a point better.
template <Real T>
nn::Sequential<T> bottleneck_branch(const BlockPlace& b, std::int64_t middle, std::int64_t groups, bool zero_init) {
  nn::Sequential<T> branch;
  branch.add("conv1", conv<T>(1, b.in, middle))
      .add("bn1", nn::BatchNorm2d<T>(middle))
      .add("relu1", nn::ReLU<T>())
      .add("conv2", conv<T>(3, middle, middle, b.stride, groups))
      .add("bn2", nn::BatchNorm2d<T>(middle))
      .add("relu2", nn::ReLU<T>())
      .add("conv3", conv<T>(1, middle, b.out))
      .add("bn3", last_norm<T>(b.out, zero_init));
  return branch;
}

/// ReLU after the sum; a projection where the shape changes.
template <Real T>
NamedBlock<T> resnet_block(const BlockPlace& b, const ResNetDesign& d, const ResNetOptions& o) {
  const std::int64_t middle = b.out / 4 * d.width_per_group / 64 * d.groups;
  nn::ResidualOptions<T> parts{.branch = d.bottleneck ? bottleneck_branch<T>(b, middle, d.groups, o.zero_init)
                                                      : basic_branch<T>(b.in, b.out, b.stride, o.zero_init),
                               .drop_path = b.drop_path,
                               .after = nn::ReLU<T>()};
  if (b.changes_shape()) parts.shortcut = projection<T>(b.in, b.out, b.stride);
  return {d.bottleneck ? "Bottleneck" : "BasicBlock", "downsample", std::move(parts)};
}

/// Stage 0 to 3: 64, 128, 256, 512 channels, four times as many between bottlenecks. All but stage 0 halve the
/// resolution.
template <Real T>
nn::Sequential<T> resnet_stage(std::size_t i, const ResNetDesign& d, const ResNetOptions& o) {
  const std::int64_t out = (d.bottleneck ? 256 : 64) << i, in = i == 0 ? 64 : out / 2;
  std::int64_t before = 0, total = 0;
  for (std::size_t k = 0; k < d.blocks.size(); ++k) {
    before += k < i ? d.blocks[k] : 0;
    total += d.blocks[k];
  }
  return stage<T>({d.blocks[i], before, total, in, out, i == 0 ? 1 : 2}, o.drop_path,
                  [&](const BlockPlace& b) { return resnet_block<T>(b, d, o); });
}

/// 7x7 with stride 2 and a maximum over 3x3: a sixteenth of the places is left.
template <Real T>
nn::Sequential<T> resnet_stem(std::int64_t in_channels) {
  nn::Sequential<T> stem;
  stem.add("conv1", conv<T>(7, in_channels, 64, 2))
      .add("bn1", nn::BatchNorm2d<T>(64))
      .add("relu", nn::ReLU<T>())
      .add("maxpool", nn::MaxPool2d<T>(3, {.stride = 2, .padding = 1}));
  return stem;
}

/// The design; ValueError if it makes no network.
inline const ResNetDesign& checked(const ResNetDesign& d) {
  for (const auto n : d.blocks)
    if (n < 1) shunt::detail::raise<ValueError>("ResNet: each stage needs a block, got ", n);
  if (d.groups < 1 || d.width_per_group < 1)
    shunt::detail::raise<ValueError>("ResNet: groups = ", d.groups, " and width_per_group = ", d.width_per_group,
                                     " must be positive");
  if (!d.bottleneck && (d.groups != 1 || d.width_per_group != 64))
    shunt::detail::raise<ValueError>("ResNet: groups and width_per_group are for bottlenecks");
  return d;
}

}  // namespace detail

/// x (n, in_channels, h, w), h and w about 224 -> logits (n, classes).
template <Real T = float>
class ResNet : public nn::Layer<T> {
 public:
  nn::Sequential<T> stem, layer1, layer2, layer3, layer4;
  nn::Linear<T> fc;

  explicit ResNet(const ResNetDesign& design, const ResNetOptions& o = {})
      : stem(detail::resnet_stem<T>(o.in_channels)),
        layer1(detail::resnet_stage<T>(0, detail::checked(design), o)),
        layer2(detail::resnet_stage<T>(1, design, o)),
        layer3(detail::resnet_stage<T>(2, design, o)),
        layer4(detail::resnet_stage<T>(3, design, o)),
        fc(design.bottleneck ? 2048 : 512, o.classes) {}

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 3, 224, 224)
    auto y = stem(x);                               // (n, 64, 56, 56)
    y = layer1(y);                                  // (n, 64, 56, 56), or 256 channels with bottlenecks
    y = layer2(y);                                  // (n, 128, 28, 28), 512
    y = layer3(y);                                  // (n, 256, 14, 14), 1024
    y = layer4(y);                                  // (n, 512, 7, 7), 2048
    y = adaptive_avg_pool2d(y, 1);                  // (n, 512, 1, 1)
    return fc(flatten(y, 1));                       // (n, 1000)
  }
  void members(nn::Members<T>& m) override {
    m(stem)("layer1", layer1)("layer2", layer2)("layer3", layer3)("layer4", layer4)("fc", fc);
  }
};

// The published sizes: He et al. 2015, table 1.
template <Real T = float>
ResNet<T> resnet18(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {2, 2, 2, 2}, .bottleneck = false}, o);
}
template <Real T = float>
ResNet<T> resnet34(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 6, 3}, .bottleneck = false}, o);
}
template <Real T = float>
ResNet<T> resnet50(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 6, 3}}, o);
}
template <Real T = float>
ResNet<T> resnet101(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 23, 3}}, o);
}
template <Real T = float>
ResNet<T> resnet152(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 8, 36, 3}}, o);
}

// Twice as wide inside the bottlenecks: Zagoruyko and Komodakis 2016.
template <Real T = float>
ResNet<T> wide_resnet50_2(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 6, 3}, .width_per_group = 128}, o);
}
template <Real T = float>
ResNet<T> wide_resnet101_2(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 23, 3}, .width_per_group = 128}, o);
}

// 32 groups of 4 channels (Xie et al. 2017) and of 8 (Mahajan et al. 2018).
template <Real T = float>
ResNet<T> resnext50_32x4d(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 6, 3}, .groups = 32, .width_per_group = 4}, o);
}
template <Real T = float>
ResNet<T> resnext101_32x8d(const ResNetOptions& o = {}) {
  return ResNet<T>({.blocks = {3, 4, 23, 3}, .groups = 32, .width_per_group = 8}, o);
}

}  // namespace shunt::models
