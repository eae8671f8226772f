// The residual networks for CIFAR: 6n+2 layers (He et al. 2015, "Deep Residual Learning for Image Recognition",
// section 4.2) and 9n+2 layers with pre-activation (He et al. 2016, "Identity Mappings in Deep Residual Networks").
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/pool.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::models {

struct ResNetCifarOptions {
  bool plain = false;  ///< The same layers without the skips, as the paper compares.
  int version = 1;     ///< 1: two 3x3 convolutions, ReLU after the sum; 2: pre-activated bottlenecks.
  std::int64_t in_channels = 3, classes = 10;
  std::int64_t width = 16;  ///< Of the first stage; twice and four times as much in the next ones.
  /// Where a block changes the shape: "A" subsamples and pads with zero channels, "B" projects by a 1x1 convolution.
  /// "paper" is A for version 1 and B for version 2.
  Choice<"paper", "A", "B"> shortcut = "paper";
  bool zero_init = false;  ///< Each branch of version 1 starts at 0: its last norm's weight (Goyal et al. 2017).
  double drop_path = 0;    ///< Stochastic depth, from 0 at the first block to this at the last (Huang et al. 2016).
};

namespace detail {

/// Where a block stands: its channels, and how often its branch is dropped.
struct CifarBlock {
  std::int64_t in, out, stride;
  double drop_path;
  bool changes_shape() const { return in != out || stride != 1; }
};

template <Real T>
nn::Conv2d<T> conv(std::int64_t kernel, std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  nn::Conv2d<T> c({.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false});
  nn::init::kaiming_normal_(c.weight, {.mode = "fan_out", .nonlinearity = "relu"});
  return c;
}

/// Shortcut A: every stride-th pixel, and zeros in the channels that are new. It has no parameters.
template <Real T>
struct PadShortcut : nn::Layer<T> {
  std::int64_t new_channels, stride;
  PadShortcut(std::int64_t channels, std::int64_t step) : new_channels(channels), stride(step) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    return pad(x.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride), {0, 0, 0, 0, 0, new_channels});
  }
};

/// conv-bn-relu-conv-bn, ReLU after the sum (He et al. 2015, fig. 2). The branch's members stand among the block's own.
template <Real T>
struct BasicBlock : nn::ResidualBlock<T> {
  BasicBlock(const CifarBlock& b, const ResNetCifarOptions& o)
      : nn::ResidualBlock<T>({.branch = basic_branch(b, o.zero_init),
                              .shortcut = shortcut_of(b, o),
                              .drop_path = b.drop_path,
                              .after = nn::ReLU<T>()}) {}
  void members(nn::Members<T>& m) override { m(this->branch)("shortcut", this->shortcut)("after", this->after); }

  static nn::Sequential<T> basic_branch(const CifarBlock& b, bool zero_init) {
    nn::BatchNorm2d<T> last(b.out);
    if (zero_init) nn::init::zeros_(last.weight);
    return nn::Sequential<T>({{"conv1", conv<T>(3, b.in, b.out, b.stride)},
                              {"bn1", nn::BatchNorm2d<T>(b.out)},
                              {"relu", nn::ReLU<T>()},
                              {"conv2", conv<T>(3, b.out, b.out)},
                              {"bn2", last}});
  }
  static nn::AnyLayer<T> shortcut_of(const CifarBlock& b, const ResNetCifarOptions& o) {
    if (!b.changes_shape()) return {};
    if (o.shortcut != "B") return PadShortcut<T>(b.out - b.in, b.stride);
    return nn::Sequential<T>(conv<T>(1, b.in, b.out, b.stride), nn::BatchNorm2d<T>(b.out));
  }
};

/// bn-relu-conv three times, nothing after the sum (He et al. 2016, fig. 1b). Where the shape changes the first bn-relu
/// stands before both ways, as in the authors' code.
template <Real T>
nn::AnyLayer<T> bottleneck(const CifarBlock& b, const ResNetCifarOptions& o) {
  const std::int64_t middle = b.out / 4;
  nn::Sequential<T> first({{"bn1", nn::BatchNorm2d<T>(b.in)}, {"relu1", nn::ReLU<T>()}});
  nn::Sequential<T> branch;
  const bool shared = b.changes_shape() && !o.plain;
  if (!shared) branch = first;
  branch.add("conv1", conv<T>(1, b.in, middle, b.stride))
      .add("bn2", nn::BatchNorm2d<T>(middle))
      .add("relu2", nn::ReLU<T>())
      .add("conv2", conv<T>(3, middle, middle))
      .add("bn3", nn::BatchNorm2d<T>(middle))
      .add("relu3", nn::ReLU<T>())
      .add("conv3", conv<T>(1, middle, b.out));
  if (o.plain) return branch;
  if (!shared) return nn::ResidualBlock<T>({.branch = branch, .drop_path = b.drop_path});
  const nn::AnyLayer<T> shortcut =
      o.shortcut == "A" ? nn::AnyLayer<T>(PadShortcut<T>(b.out - b.in, b.stride)) : conv<T>(1, b.in, b.out, b.stride);
  return first.add("block", nn::ResidualBlock<T>({.branch = branch, .shortcut = shortcut, .drop_path = b.drop_path}));
}

template <Real T>
nn::AnyLayer<T> cifar_block(const CifarBlock& b, const ResNetCifarOptions& o) {
  if (o.version == 2) return bottleneck<T>(b, o);
  if (!o.plain) return BasicBlock<T>(b, o);
  return BasicBlock<T>::basic_branch(b, false).add("after", nn::ReLU<T>());
}

/// n blocks, of which the first changes the number of channels and the resolution.
template <Real T>
nn::Sequential<T> cifar_stage(std::int64_t stage, std::int64_t n, std::int64_t in, std::int64_t out,
                              const ResNetCifarOptions& o) {
  nn::Sequential<T> blocks;
  for (std::int64_t i = 0; i < n; ++i) {
    const double depth = static_cast<double>(stage * n + i) / static_cast<double>(3 * n - 1);
    const CifarBlock b{i == 0 ? in : out, out, i == 0 && stage > 0 ? 2 : 1, o.drop_path * depth};
    blocks.add(std::to_string(i), cifar_block<T>(b, o));
  }
  return blocks;
}

/// n of a network of 6n+2 or 9n+2 layers; ValueError for other depths.
inline std::int64_t blocks_per_stage(std::int64_t depth, int version) {
  if (version != 1 && version != 2)
    shunt::detail::raise<ValueError>("resnet_cifar: version must be 1 or 2, got ", version);
  const std::int64_t layers = version == 1 ? 6 : 9;
  if (depth < layers + 2 || (depth - 2) % layers != 0)
    shunt::detail::raise<ValueError>("resnet_cifar: depth must be ", layers, "n + 2 in version ", version, ", got ",
                                     depth);
  return (depth - 2) / layers;
}

}  // namespace detail

/// A convolution, three stages of n blocks at full, half and quarter resolution, the mean of what is left of each
/// channel, and a linear layer: x (b, in_channels, h, w) -> logits (b, classes).
template <Real T = float>
class ResNetCifar : public nn::Layer<T> {
 public:
  nn::Sequential<T> stem, layer1, layer2, layer3, head;
  nn::Linear<T> fc;

  explicit ResNetCifar(std::int64_t depth, const ResNetCifarOptions& o = {})
      : ResNetCifar(depth, detail::blocks_per_stage(depth, o.version), o) {}

  Tensor<T> forward(const Tensor<T>& x) override {  // (b, 3, 32, 32)
    auto y = layer1(stem(x));                       // (b, 16, 32, 32)
    y = layer2(y);                                  // (b, 32, 16, 16)
    y = layer3(y);                                  // (b, 64, 8, 8)
    y = adaptive_avg_pool2d(head(y), 1);            // (b, 64, 1, 1)
    return fc(flatten(y, 1));                       // (b, 10)
  }
  void members(nn::Members<T>& m) override {
    m(stem)("layer1", layer1)("layer2", layer2)("layer3", layer3)(head)("fc", fc);
  }
  std::string options() const override { return std::to_string(depth_); }

 private:
  ResNetCifar(std::int64_t depth, std::int64_t n, const ResNetCifarOptions& o)
      : ResNetCifar(depth, n, o, o.width, o.version == 1 ? 1 : 4) {}
  // w: channels behind the first convolution; k: how much wider a stage is outside its blocks.
  ResNetCifar(std::int64_t depth, std::int64_t n, const ResNetCifarOptions& o, std::int64_t w, std::int64_t k)
      : stem({{"conv1", detail::conv<T>(3, o.in_channels, w)}}),
        layer1(detail::cifar_stage<T>(0, n, w, k * w, o)),
        layer2(detail::cifar_stage<T>(1, n, k * w, 2 * k * w, o)),
        layer3(detail::cifar_stage<T>(2, n, 2 * k * w, 4 * k * w, o)),
        fc(4 * k * w, o.classes),
        depth_(depth) {
    // bn-relu behind the first convolution, or, where blocks begin with theirs, behind the last block.
    (o.version == 1 ? stem : head)
        .add("bn1", nn::BatchNorm2d<T>(o.version == 1 ? w : 4 * k * w))
        .add("relu", nn::ReLU<T>());
  }

  std::int64_t depth_;
};

/// resnet_cifar(20), (32), (44), (56), (110), (1202); version 2: (164), (1001). `.plain` leaves the skips out.
template <Real T = float>
ResNetCifar<T> resnet_cifar(std::int64_t depth, const ResNetCifarOptions& options = {}) {
  return ResNetCifar<T>(depth, options);
}

}  // namespace shunt::models
