// MobileNetV2 (Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks"): the skip joins the
// narrow ends of blocks that are wide inside. Its state has torchvision's names.
#pragma once

#include "shunt/models/blocks.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/ops/pool.hpp"

namespace shunt::models {

struct MobileNetV2Options {
  std::int64_t classes = 1000, in_channels = 3;
  double width = 1;      ///< Multiplies every layer's channels, rounded to multiples of 8.
  double dropout = 0.2;  ///< In front of the last layer.
};

namespace detail {

/// n channels `width` times, as the nearest multiple of 8 that is not less than nine tenths of it.
inline std::int64_t mobile_channels(std::int64_t n, double width) {
  const double wanted = static_cast<double>(n) * width;
  const std::int64_t rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

template <Real T>
nn::Sequential<T> conv_bn_relu6(std::int64_t kernel, std::int64_t in, std::int64_t out, std::int64_t stride = 1,
                                std::int64_t groups = 1) {
  return {conv<T>(kernel, in, out, stride, groups), nn::BatchNorm2d<T>(out), nn::ReLU6<T>()};
}

/// A branch with the skip around it, whose state is the branch's alone.
template <Real T>
struct InvertedResidual : nn::ResidualBlock<T> {
  explicit InvertedResidual(const nn::Sequential<T>& f) : nn::ResidualBlock<T>(f) {}
  void members(nn::Members<T>& m) override { m("conv", this->branch); }
};

/// A 1x1 to `expand` times the channels, a 3x3 of each channel by itself, a 1x1 down with no activation behind it
/// (table 1); the skip where neither size nor channels change.
template <Real T>
nn::AnyLayer<T> mobile_block(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t expand) {
  const std::int64_t wide = in * expand;
  nn::Sequential<T> branch;
  if (expand != 1) branch.add(conv_bn_relu6<T>(1, in, wide));
  branch.add(conv_bn_relu6<T>(3, wide, wide, stride, wide)).add(conv<T>(1, wide, out)).add(nn::BatchNorm2d<T>(out));
  if (stride == 1 && in == out) return InvertedResidual<T>(branch);
  return nn::Sequential<T>({{"conv", branch}});
}

}  // namespace detail

/// x (n, in_channels, h, w) -> logits (n, classes).
template <Real T = float>
class MobileNetV2 : public nn::Layer<T> {
 public:
  nn::Sequential<T> features, classifier;

  explicit MobileNetV2(const MobileNetV2Options& o = {}) {
    if (!(o.width > 0 && o.width <= 16))
      shunt::detail::raise<ValueError>("MobileNetV2: width must lie in (0, 16], got ", o.width);
    struct Stage {
      std::int64_t expand, channels, blocks, stride;
    };
    constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};  // table 2
    std::int64_t in = detail::mobile_channels(32, o.width);
    features.add(detail::conv_bn_relu6<T>(3, o.in_channels, in, 2));
    for (const auto& stage : stages) {
      const std::int64_t out = detail::mobile_channels(stage.channels, o.width);
      for (std::int64_t i = 0; i < stage.blocks; ++i, in = out)
        features.add(std::to_string(features.size()),
                     detail::mobile_block<T>(in, out, i == 0 ? stage.stride : 1, stage.expand));
    }
    const std::int64_t last = detail::mobile_channels(1280, std::max(1.0, o.width));
    features.add(detail::conv_bn_relu6<T>(1, in, last));
    nn::Linear<T> linear(last, o.classes);
    nn::init::normal_(linear.weight, 0, 0.01);
    nn::init::zeros_(linear.bias);
    classifier.add(nn::Dropout<T>(o.dropout)).add(linear);
  }

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 3, 224, 224)
    auto y = adaptive_avg_pool2d(features(x), 1);   // (n, 1280, 7, 7) -> (n, 1280, 1, 1)
    return classifier(flatten(y, 1));               // (n, 1000)
  }
  void members(nn::Members<T>& m) override { m("features", features)("classifier", classifier); }
};

template <Real T = float>
MobileNetV2<T> mobilenet_v2(const MobileNetV2Options& o = {}) {
  return MobileNetV2<T>(o);
}

}  // namespace shunt::models
