// ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s"): a ResNet with the parts of a Swin Transformer. Its state has
// torchvision's names.
#pragma once

#include <array>
#include <optional>

#include "shunt/models/blocks.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/upsample.hpp"
#include "shunt/ops/pool.hpp"

namespace shunt::models {

struct ConvNeXtOptions {
  std::int64_t classes = 1000, in_channels = 3;
  std::optional<double> drop_path = {};  ///< Of the last block, from 0 at the first; as the paper trained each size.
  double layer_scale = 1e-6;             ///< What every branch is multiplied by at the start.
};

/// What tells the members of the family apart.
struct ConvNeXtDesign {
  std::array<std::int64_t, 4> blocks;  ///< In each stage.
  std::int64_t width;                  ///< Channels of the first stage, which double from one to the next.
  double drop_path;                    ///< Of the last block, where the options name no other.
};

namespace detail {

template <Real T>
struct Permute : nn::Layer<T> {
  std::vector<std::int64_t> dims;
  explicit Permute(std::vector<std::int64_t> order) : dims(std::move(order)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return permute(x, dims); }
};

/// Layer norm of each pixel of (n, channels, h, w) over its channels.
template <Real T>
struct LayerNorm2d : nn::Layer<T> {
  nn::LayerNorm<T> norm;
  explicit LayerNorm2d(std::int64_t channels) : norm(channels, {.eps = 1e-6}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return permute(norm(permute(x, {0, 2, 3, 1})), {0, 3, 1, 2}); }
  void members(nn::Members<T>& m) override { m(norm); }
};

/// Weights normal of deviation 0.02 (torchvision cuts them off a hundred deviations away), biases 0.
template <class L>
L started(L layer) {
  nn::init::normal_(layer.weight, 0, 0.02);
  nn::init::zeros_(layer.bias);
  return layer;
}
template <Real T>
nn::Conv2d<T> convnext_conv(const nn::Conv2dOptions& o) {
  return started(nn::Conv2d<T>(o));
}

/// x + scale * F(x). F mixes pixels by a 7x7 of each channel by itself, then the channels of a pixel by two linear
/// layers, four times as wide between them (fig. 4).
template <Real T>
struct ConvNeXtBlock : nn::ResidualBlock<T> {
  ConvNeXtBlock(std::int64_t c, double start, double drop_path)
      : nn::ResidualBlock<T>(
            {.branch = branch_of(c), .scale = nn::LayerScale{{c, 1, 1}, start}, .drop_path = drop_path}) {}
  void members(nn::Members<T>& m) override { m("layer_scale", this->scale)("block", this->branch); }

  static nn::Sequential<T> branch_of(std::int64_t c) {
    return {convnext_conv<T>({.in = c, .out = c, .kernel = 7, .padding = 3, .groups = c}),
            Permute<T>({0, 2, 3, 1}),  // (n, h, w, c)
            nn::LayerNorm<T>(c, {.eps = 1e-6}),
            started(nn::Linear<T>(c, 4 * c)),  // (n, h, w, 4c)
            nn::GELU<T>(),
            started(nn::Linear<T>(4 * c, c)),
            Permute<T>({0, 3, 1, 2})};  // (n, c, h, w)
  }
};

}  // namespace detail

/// A stem of 4x4 patches and four stages at 1/4, 1/8, 1/16 and 1/32 of the resolution: x (n, in_channels, h, w) ->
/// logits (n, classes).
template <Real T = float>
class ConvNeXt : public nn::Layer<T> {
 public:
  nn::Sequential<T> features, classifier;

  ConvNeXt(const ConvNeXtDesign& design, const ConvNeXtOptions& o = {}) {
    std::int64_t c = design.width, before = 0, total = 0;
    for (const auto n : design.blocks) {
      if (n < 1) shunt::detail::raise<ValueError>("ConvNeXt: each stage needs a block, got ", n);
      total += n;
    }
    features.add(nn::Sequential<T>(detail::convnext_conv<T>({.in = o.in_channels, .out = c, .kernel = 4, .stride = 4}),
                                   detail::LayerNorm2d<T>(c)));
    for (const auto n : design.blocks) {
      if (before > 0) {
        features.add(nn::Sequential<T>(detail::LayerNorm2d<T>(c),
                                       detail::convnext_conv<T>({.in = c, .out = 2 * c, .kernel = 2, .stride = 2})));
        c *= 2;
      }
      features.add(
          detail::stage<T>({n, before, total, c, c, 1}, o.drop_path.value_or(design.drop_path),
                           [&](const auto& b) { return detail::ConvNeXtBlock<T>(b.out, o.layer_scale, b.drop_path); }));
      before += n;
    }
    classifier.add(detail::LayerNorm2d<T>(c)).add(nn::Flatten<T>()).add(detail::started(nn::Linear<T>(c, o.classes)));
  }

  Tensor<T> forward(const Tensor<T>& x) override {           // (n, 3, 224, 224)
    return classifier(adaptive_avg_pool2d(features(x), 1));  // (n, 768, 7, 7) -> (n, 768, 1, 1) -> (n, 1000)
  }
  void members(nn::Members<T>& m) override { m("features", features)("classifier", classifier); }
};

template <Real T = float>
ConvNeXt<T> convnext_tiny(const ConvNeXtOptions& o = {}) {
  return ConvNeXt<T>({.blocks = {3, 3, 9, 3}, .width = 96, .drop_path = 0.1}, o);
}
template <Real T = float>
ConvNeXt<T> convnext_small(const ConvNeXtOptions& o = {}) {
  return ConvNeXt<T>({.blocks = {3, 3, 27, 3}, .width = 96, .drop_path = 0.4}, o);
}
template <Real T = float>
ConvNeXt<T> convnext_base(const ConvNeXtOptions& o = {}) {
  return ConvNeXt<T>({.blocks = {3, 3, 27, 3}, .width = 128, .drop_path = 0.5}, o);
}
template <Real T = float>
ConvNeXt<T> convnext_large(const ConvNeXtOptions& o = {}) {
  return ConvNeXt<T>({.blocks = {3, 3, 27, 3}, .width = 192, .drop_path = 0.5}, o);
}

}  // namespace shunt::models
