// The residual networks for CIFAR: 6n+2 layers (He et al. 2015, "Deep Residual Learning for Image Recognition",
// section 4.2), 9n+2 layers with pre-activation (He et al. 2016, "Identity Mappings in Deep Residual Networks"), and
// wide ones of 6n+4 (Zagoruyko and Komodakis 2016, "Wide Residual Networks").
#pragma once

#include "shunt/models/blocks.hpp"
#include "shunt/nn/blur_pool.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/pool.hpp"
#include "shunt/nn/squeeze_excitation.hpp"

namespace shunt::models {

struct ResNetCifarOptions {
  bool plain = false;  ///< The same layers without the skips, as the paper compares.
  int version = 1;     ///< 1: two 3x3 convolutions, ReLU after the sum; 2: pre-activated bottlenecks.
  std::int64_t in_channels = 3, classes = 10;
  std::int64_t width = 16;  ///< Of the first stage; twice and four times as much in the next ones.
  /// Where a block changes the shape: "A" subsamples and pads with zero channels, "B" projects by a 1x1 convolution;
  /// "C" projects in every block. "paper" is A for version 1 and B for version 2.
  Choice<"paper", "A", "B", "C"> shortcut = "paper";
  bool zero_init = false;  ///< Each branch of version 1 starts at 0: its last norm's weight (Goyal et al. 2017).
  double drop_path = 0;    ///< Stochastic depth, from 0 at the first block to this at the last (Huang et al. 2016).
  /// k of WRN-d-k, for version 2: pre-activated blocks of two 3x3 convolutions, k times as wide. 0: bottlenecks.
  std::int64_t widen = 0;
  bool blur_pool = false;  ///< Down-sampling by nn::BlurPool2d, where a stride would leave places out (Zhang 2019).
  /// Branches end in nn::SqueezeExcitation to 1 / this many channels; 16 in Hu et al. 2018. 0: they do not.
  std::int64_t squeeze_excitation = 0;
};

namespace detail {

/// Whether a block's down-sampling is BlurPool2d's, and what is left for its convolution.
inline bool blurs(const BlockPlace& b, const ResNetCifarOptions& o) { return o.blur_pool && b.stride != 1; }
inline std::int64_t conv_stride(const BlockPlace& b, const ResNetCifarOptions& o) { return blurs(b, o) ? 1 : b.stride; }

template <Real T>
nn::AnyLayer<T> cifar_shortcut(const BlockPlace& b, const ResNetCifarOptions& o) {
  if (!b.changes_shape() && o.shortcut != "C") return {};
  const std::int64_t stride = conv_stride(b, o);
  nn::AnyLayer<T> shortcut;
  if (o.shortcut == "A" || (o.shortcut == "paper" && o.version == 1))
    shortcut = PadShortcut<T>(b.out - b.in, stride);
  else if (o.version == 1)
    shortcut = projection<T>(b.in, b.out, stride);
  else
    shortcut = conv<T>(1, b.in, b.out, stride);
  if (!blurs(b, o)) return shortcut;
  return nn::Sequential<T>().add("blur", nn::BlurPool2d<T>(b.stride)).add("resized", std::move(shortcut));
}

template <Real T>
void add_squeeze_excitation(nn::Sequential<T>& branch, const BlockPlace& b, const ResNetCifarOptions& o) {
  if (o.squeeze_excitation == 0) return;
  const std::int64_t squeeze = std::max<std::int64_t>(b.out / o.squeeze_excitation, 1);
  branch.add("se", nn::SqueezeExcitation<T>({.channels = b.out, .squeeze = squeeze}));
}

/// Version 1: conv-bn-relu-conv-bn, ReLU after the sum.
template <Real T>
nn::AnyLayer<T> post_activated(const BlockPlace& b, const ResNetCifarOptions& o) {
  nn::AnyLayer<T> down;
  if (blurs(b, o)) down = nn::BlurPool2d<T>(b.stride);
  auto branch = basic_branch<T>(b.in, b.out, conv_stride(b, o), o.zero_init && !o.plain, std::move(down));
  add_squeeze_excitation(branch, b, o);
  if (o.plain) return branch.add("after", nn::ReLU<T>());
  return NamedBlock<T>("BasicBlock", "shortcut",
                       {.branch = std::move(branch),
                        .shortcut = cifar_shortcut<T>(b, o),
                        .drop_path = b.drop_path,
                        .after = nn::ReLU<T>()});
}

/// Version 2: bn-relu-conv three times, nothing after the sum (He et al. 2016, fig. 1b), or, in wide networks, twice
/// (Zagoruyko and Komodakis 2016, fig. 1c). Where the shape changes the first bn-relu stands before both ways, as in
/// the authors' code.
template <Real T>
nn::AnyLayer<T> pre_activated(const BlockPlace& b, const ResNetCifarOptions& o) {
  const bool wide = o.widen > 0;
  const std::int64_t middle = wide ? b.out : b.out / 4, outer = wide ? 3 : 1;  // channels; size of the outer windows
  nn::Sequential<T> first, branch;
  first.add("bn1", nn::BatchNorm2d<T>(b.in)).add("relu1", nn::ReLU<T>());
  const bool shared = b.changes_shape() && !o.plain;
  if (!shared) branch = first;
  branch.add("conv1", conv<T>(outer, b.in, middle, conv_stride(b, o)))
      .add("bn2", nn::BatchNorm2d<T>(middle))
      .add("relu2", nn::ReLU<T>());
  if (blurs(b, o)) branch.add("blur", nn::BlurPool2d<T>(b.stride));
  branch.add("conv2", conv<T>(3, middle, middle));
  if (!wide)
    branch.add("bn3", nn::BatchNorm2d<T>(middle)).add("relu3", nn::ReLU<T>()).add("conv3", conv<T>(1, middle, b.out));
  add_squeeze_excitation(branch, b, o);
  if (o.plain) return branch;
  nn::ResidualBlock<T> block(
      {.branch = std::move(branch), .shortcut = cifar_shortcut<T>(b, o), .drop_path = b.drop_path});
  if (!shared) return block;
  return first.add("block", std::move(block));
}

/// Stage 0 to 2 of n blocks each; all but stage 0 halve the resolution.
template <Real T>
nn::Sequential<T> cifar_stage(std::int64_t i, std::int64_t n, std::int64_t in, std::int64_t out,
                              const ResNetCifarOptions& o) {
  return stage<T>({n, i * n, 3 * n, in, out, i == 0 ? 1 : 2}, o.drop_path, [&](const BlockPlace& b) {
    return o.version == 1 ? post_activated<T>(b, o) : pre_activated<T>(b, o);
  });
}

/// n of a network of 6n+2, 9n+2 or 6n+4 layers; ValueError for other depths, or options that contradict each other.
inline std::int64_t cifar_blocks(std::int64_t depth, const ResNetCifarOptions& o) {
  if (o.version != 1 && o.version != 2)
    shunt::detail::raise<ValueError>("resnet_cifar: version must be 1 or 2, got ", o.version);
  if (o.widen < 0 || (o.widen > 0 && o.version == 1))
    shunt::detail::raise<ValueError>("resnet_cifar: widen = ", o.widen, " must be positive, and is for version 2");
  if (o.squeeze_excitation < 0)
    shunt::detail::raise<ValueError>("resnet_cifar: squeeze_excitation must not be negative, got ",
                                     o.squeeze_excitation);
  if (o.widen > 0) return blocks_per_stage("wide_resnet_cifar", depth, 6, 4);
  return o.version == 1 ? blocks_per_stage("resnet_cifar", depth, 6, 2, " in version 1")
                        : blocks_per_stage("resnet_cifar", depth, 9, 2, " in version 2");
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
      : ResNetCifar(depth, detail::cifar_blocks(depth, o), o) {}

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
  // k: how much wider a stage is outside its blocks than `width` says.
  ResNetCifar(std::int64_t depth, std::int64_t n, const ResNetCifarOptions& o)
      : ResNetCifar(depth, n, o, o.width,
                    o.version == 1 ? 1
                    : o.widen > 0  ? o.widen
                                   : 4) {}
  // w: channels behind the first convolution.
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

/// WRN-d-k: wide_resnet_cifar(28, 10), (40, 4), (16, 8).
template <Real T = float>
ResNetCifar<T> wide_resnet_cifar(std::int64_t depth, std::int64_t k, ResNetCifarOptions options = {}) {
  options.version = 2;
  options.widen = k;
  return ResNetCifar<T>(depth, options);
}

}  // namespace shunt::models
