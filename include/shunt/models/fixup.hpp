// Residual networks for CIFAR without normalisation (Zhang et al. 2019, "Fixup Initialization: Residual Learning
// Without Normalization").
#pragma once

#include "shunt/models/blocks.hpp"
#include "shunt/nn/linear.hpp"

namespace shunt::models {

struct FixupOptions {
  std::int64_t in_channels = 3, classes = 10;
  std::int64_t width = 16;  ///< Of the first stage; twice and four times as much in the next ones.
};

namespace detail {

template <Real T>
nn::Parameter<T> number(double value) {
  return nn::Parameter<T>(full<T>({1}, value));
}

/// Two 3x3 convolutions, a learned number added before each layer, and one that the result is multiplied by (fig. 1,
/// right). The first convolution starts L^(-1/2) times as large as usual, L being the network's branches, because the
/// branch has m = 2 layers: L^(-1 / (2m - 2)). The last one starts at 0.
template <Real T>
struct FixupBranch : nn::Layer<T> {
  nn::Parameter<T> bias1a = number<T>(0), bias1b = number<T>(0), bias2a = number<T>(0), scale = number<T>(1),
                   bias2b = number<T>(0);
  nn::Conv2d<T> conv1, conv2;

  FixupBranch(const BlockPlace& b, std::int64_t branches)
      : conv1(conv<T>(3, b.in, b.out, b.stride)), conv2(conv<T>(3, b.out, b.out)) {
    const NoGrad unrecorded;
    conv1.weight.mul_(1 / std::sqrt(static_cast<double>(branches)));
    nn::init::zeros_(conv2.weight);
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    const auto y = relu(conv1(x + bias1a) + bias1b);
    return conv2(y + bias2a) * scale + bias2b;
  }
  void members(nn::Members<T>& m) override {
    m("bias1a", bias1a)("bias1b", bias1b)("bias2a", bias2a)("scale", scale)("bias2b", bias2b);
    m("conv1", conv1)("conv2", conv2);
  }
};

}  // namespace detail

/// 6n+2 layers, as ResNetCifar with shortcut A: x (b, in_channels, h, w) -> logits (b, classes). The last layer starts
/// at 0.
template <Real T = float>
class FixupResNet : public nn::Layer<T> {
 public:
  nn::Conv2d<T> conv1;
  nn::Parameter<T> bias1 = detail::number<T>(0);
  nn::Sequential<T> layer1, layer2, layer3;
  nn::Parameter<T> bias2 = detail::number<T>(0);
  nn::Linear<T> fc;

  explicit FixupResNet(std::int64_t depth, const FixupOptions& o = {})
      : FixupResNet(o, detail::blocks_per_stage("FixupResNet", depth, 6, 2), o.width) {}

  Tensor<T> forward(const Tensor<T>& x) override {  // (b, 3, 32, 32)
    auto y = layer1(relu(conv1(x) + bias1));        // (b, 16, 32, 32)
    y = layer2(y);                                  // (b, 32, 16, 16)
    y = layer3(y);                                  // (b, 64, 8, 8)
    return fc(mean(y, {2, 3}) + bias2);             // (b, 10)
  }
  void members(nn::Members<T>& m) override {
    m("conv1", conv1)("bias1", bias1)("layer1", layer1)("layer2", layer2)("layer3", layer3)("bias2", bias2)("fc", fc);
  }

 private:
  FixupResNet(const FixupOptions& o, std::int64_t n, std::int64_t w)
      : conv1(detail::conv<T>(3, o.in_channels, w)),
        layer1(stage({n, 0, 3 * n, w, w, 1})),
        layer2(stage({n, n, 3 * n, w, 2 * w, 2})),
        layer3(stage({n, 2 * n, 3 * n, 2 * w, 4 * w, 2})),
        fc(4 * w, o.classes) {
    nn::init::zeros_(fc.weight);
    nn::init::zeros_(fc.bias);
  }

  static nn::Sequential<T> stage(const detail::StagePlace& place) {
    return detail::stage<T>(place, 0, [&](const detail::BlockPlace& b) {
      nn::ResidualOptions<T> parts{.branch = detail::FixupBranch<T>(b, place.total), .after = nn::ReLU<T>()};
      if (b.changes_shape()) parts.shortcut = detail::PadShortcut<T>(b.out - b.in, b.stride);
      return detail::NamedBlock<T>("FixupBlock", "shortcut", std::move(parts));
    });
  }
};

}  // namespace shunt::models
