// Layers that change how elements are arranged: in more pixels, or in fewer dimensions.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/interpolate.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::nn {

/// (n, c, h, w) resized as interpolate() does: Upsample({.scale_factor = 2, .mode = "bilinear"}).
template <Real T = float>
struct Upsample : Layer<T> {
  explicit Upsample(const InterpolateOptions& o) : o_(o) {}
  Tensor<T> forward(const Tensor<T>& x) override { return interpolate(x, o_); }
  std::string options() const override {
    const auto number = [](double v) { return shunt::detail::text(v); };
    std::string s = o_.size != 0 ? "size = " + to_string(o_.size)
                    : o_.scale_factor.h == o_.scale_factor.w
                        ? "scale_factor = " + number(o_.scale_factor.h)
                        : "scale_factor = {" + number(o_.scale_factor.h) + ", " + number(o_.scale_factor.w) + "}";
    return s + ", " + std::string(o_.mode.name()) + (o_.align_corners ? ", align_corners" : "");
  }

 private:
  InterpolateOptions o_;
};

/// (n, c r^2, h, w) -> (n, c, h r, w r): channels become pixels (Shi et al. 2016).
template <Real T = float>
struct PixelShuffle : Layer<T> {
  explicit PixelShuffle(std::int64_t r) : r_(r) {}
  Tensor<T> forward(const Tensor<T>& x) override { return pixel_shuffle(x, r_); }
  std::string options() const override { return std::to_string(r_); }

 private:
  std::int64_t r_;
};

/// Dimensions first..last as one; by default all but the batch.
template <Real T = float>
struct Flatten : Layer<T> {
  explicit Flatten(std::int64_t first = 1, std::int64_t last = -1) : first_(first), last_(last) {}
  Tensor<T> forward(const Tensor<T>& x) override { return flatten(x, first_, last_); }

 private:
  std::int64_t first_, last_;
};

}  // namespace shunt::nn
