// U-Net (Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation"), padded so that
// sizes are kept and with batch norm; and with residual units (Zhang et al. 2018, "Road Extraction by Deep Residual
// U-Net").
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/models/blocks.hpp"
#include "shunt/nn/upsample.hpp"
#include "shunt/ops/join.hpp"
#include "shunt/ops/pool.hpp"

namespace shunt::models {

struct UNetOptions {
  std::int64_t in_channels = 1, classes = 2;
  std::int64_t width = 32;  ///< Channels at full resolution, which double from level to level; 64 in the paper.
  std::int64_t levels = 4;  ///< How often the resolution is halved.
  bool residual = false;    ///< Each unit of two convolutions gets a skip of its own.
  Choice<"transpose", "bilinear"> up = "transpose";  ///< How the resolution is doubled.
};

namespace detail {

/// Two 3x3 convolutions, each with batch norm and ReLU: (n, in, h, w) -> (n, out, h, w). Residual: the second ReLU
/// follows the sum, as in He et al. 2015, so that plain and residual units have the same layers but for the projection.
template <Real T>
nn::AnyLayer<T> unet_unit(std::int64_t in, std::int64_t out, bool residual) {
  auto branch = basic_branch<T>(in, out, 1, false);
  if (!residual) return branch.add("after", nn::ReLU<T>());
  nn::AnyLayer<T> shortcut;
  if (in != out) shortcut = projection<T>(in, out, 1);
  return NamedBlock<T>("ResidualUnit", "shortcut", {.branch = branch, .shortcut = shortcut, .after = nn::ReLU<T>()});
}

/// (n, in, h, w) -> (n, out, 2h, 2w).
template <Real T>
nn::AnyLayer<T> doubled(std::int64_t in, std::int64_t out, const Choice<"transpose", "bilinear">& how) {
  if (how == "transpose") return nn::ConvTranspose2d<T>({.in = in, .out = out, .kernel = 2, .stride = 2});
  // The 1x1 comes first: the two commute, and there it has a quarter of the pixels.
  return nn::Sequential<T>(nn::Conv2d<T>({.in = in, .out = out, .kernel = 1}),
                           nn::Upsample<T>({.scale_factor = 2, .mode = "bilinear"}));
}

/// x with zeros behind its last row and column, or without them, so that it is of the size of `like`.
template <Real T>
Tensor<T> fitted(const Tensor<T>& x, const Tensor<T>& like) {
  const auto rows = like.size(2) - x.size(2), columns = like.size(3) - x.size(3);
  return rows == 0 && columns == 0 ? x : pad(x, {0, columns, 0, rows});
}

/// One level up: x (n, in, h, w) and the map of twice the resolution that the way down left, (n, skip, 2h, 2w) ->
/// (n, out, 2h, 2w).
template <Real T>
struct UpStep : nn::Module<T> {
  nn::AnyLayer<T> up, unit;

  UpStep(std::int64_t in, std::int64_t skip, std::int64_t out, bool residual,
         const Choice<"transpose", "bilinear">& how)
      : up(doubled<T>(in, out, how)), unit(unet_unit<T>(skip + out, out, residual)) {}
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& skip) {
    return this->gate(x.shape(), [&] { return unit.over(cat({skip, fitted(up(x), skip)}, 1)); });
  }
  void members(nn::Members<T>& m) override { m("up", up)("unit", unit); }
};

}  // namespace detail

/// Down to where an answer sees far, up to where it is exact, each level joined to the map of its size from the way
/// down (fig. 1): x (n, in_channels, h, w) -> logits (n, classes, h, w). Sides may be odd on any level; ShapeError
/// below 2^levels.
template <Real T = float>
class UNet : public nn::Layer<T> {
 public:
  std::vector<nn::AnyLayer<T>> down;
  nn::AnyLayer<T> bottom;
  std::vector<detail::UpStep<T>> up;
  nn::Conv2d<T> head;

  explicit UNet(const UNetOptions& o = {}) : head({.in = o.width, .out = o.classes, .kernel = 1}) {
    if (o.levels < 1 || o.levels > 16)
      shunt::detail::raise<ValueError>("UNet: levels must be between 1 and 16, got ", o.levels);
    std::int64_t in = o.in_channels, wide = o.width;
    for (std::int64_t i = 0; i < o.levels; ++i) {
      down.push_back(detail::unet_unit<T>(in, wide, o.residual));
      in = wide;
      wide *= 2;
    }
    bottom = detail::unet_unit<T>(in, wide, o.residual);
    for (std::int64_t i = 0; i < o.levels; ++i, wide /= 2) up.emplace_back(wide, wide / 2, wide / 2, o.residual, o.up);
  }

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 1, 256, 256)
    const auto least = std::int64_t{1} << down.size();
    if (x.rank() != 4 || x.size(2) < least || x.size(3) < least)
      shunt::detail::raise<ShapeError>("expected (n, channels, h, w) with sides of at least ", least, ", got ",
                                       x.shape());
    std::vector<Tensor<T>> skips;
    auto y = x;
    for (auto& unit : down) {
      skips.push_back(unit.over(std::move(y)));  // (n, 32, 256, 256), (n, 64, 128, 128), ..
      y = max_pool2d(skips.back(), 2);
    }
    y = bottom.over(std::move(y));  // (n, 512, 16, 16)
    for (auto& step : up) {
      y = step(y, skips.back());  // (n, 256, 32, 32), (n, 128, 64, 64), ..
      skips.pop_back();
    }
    return head(y);  // (n, 2, 256, 256)
  }
  void members(nn::Members<T>& m) override { m("down", down)("bottom", bottom)("up", up)("head", head); }
};

}  // namespace shunt::models
