// Resizing of images, and the exchange of channels for resolution.
#pragma once

#include <cmath>

#include "shunt/core/choice.hpp"
#include "shunt/kernels/interpolate.hpp"
#include "shunt/ops/pool.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {

struct InterpolateOptions {
  Pair size = 0;                     ///< Of the result; 0: as scale_factor says. One of the two is given.
  PairOf<double> scale_factor = 0.;  ///< The result has floor(size * factor) places.
  Choice<"nearest", "bilinear"> mode = "nearest";
  bool align_corners = false;  ///< Bilinear only: corner pixels keep their values, as centres of the grid's ends.
};

namespace detail {

/// PyTorch's rule for images of several channels, in its precision: a step function, so a last bit decides.
inline std::vector<kernels::Sample> nearest_samples(std::int64_t in, std::int64_t out, double factor) {
  const float scale = factor > 0 ? static_cast<float>(1 / factor) : static_cast<float>(in) / static_cast<float>(out);
  std::vector<kernels::Sample> samples;
  for (std::int64_t i = 0; i < out; ++i) {
    const auto at = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    samples.push_back({std::min(at, in - 1), 0, 0});
  }
  return samples;
}
inline std::vector<kernels::Sample> linear_samples(std::int64_t in, std::int64_t out, double factor, bool align) {
  const auto n = static_cast<double>(in), m = static_cast<double>(out);
  const double scale = align ? (out > 1 ? (n - 1) / (m - 1) : 0) : factor > 0 ? 1 / factor : n / m;
  std::vector<kernels::Sample> samples;
  for (std::int64_t i = 0; i < out; ++i) {
    const auto x = static_cast<double>(i);
    const double at = in == out ? x : align ? scale * x : std::max(scale * (x + 0.5) - 0.5, 0.0);
    const std::int64_t low = std::min(static_cast<std::int64_t>(at), in - 1);
    samples.push_back({low, std::min(low + 1, in - 1), std::min(at - static_cast<double>(low), 1.0)});
  }
  return samples;
}

/// What is asked of interpolate, checked: the size of the result.
inline Pair interpolated_size(const Shape& x, const InterpolateOptions& o) {
  constexpr const char* op = "interpolate";
  if (x.rank() != 4) raise<ShapeError>(op, ": input must be (n, c, h, w), got ", x);
  const bool sized = o.size != 0, scaled = o.scale_factor != 0.;
  if (sized == scaled) raise<ValueError>(op, ": give either size or scale_factor");
  if (o.align_corners && o.mode == "nearest") raise<ValueError>(op, ": align_corners is for bilinear");
  if (scaled && !(o.scale_factor.h > 0 && o.scale_factor.w > 0))
    raise<ValueError>(op, ": scale_factor must be positive, got ", o.scale_factor.h, " and ", o.scale_factor.w);
  const Pair size = sized ? o.size
                          : Pair(static_cast<std::int64_t>(static_cast<double>(x[2]) * o.scale_factor.h),
                                 static_cast<std::int64_t>(static_cast<double>(x[3]) * o.scale_factor.w));
  if (x[2] < 1 || x[3] < 1 || size.h < 1 || size.w < 1)
    raise<ShapeError>(op, ": from ", x, " to ", size, ": sizes must be positive");
  return size;
}

}  // namespace detail

/// x (n, c, h, w) -> (n, c, size.h, size.w). `.mode` "nearest" or "bilinear"; pixels are areas whose centres are
/// sampled, as PyTorch has it, unless align_corners.
template <Real T>
Tensor<T> interpolate(const Tensor<T>& x, const InterpolateOptions& o) {
  const Pair size = detail::interpolated_size(x.shape(), o);
  const std::int64_t h = x.size(2), w = x.size(3), planes = x.size(0) * x.size(1);
  const bool nearest = o.mode == "nearest";
  const auto samples = [&](std::int64_t in, std::int64_t out, double factor) {
    return nearest ? detail::nearest_samples(in, out, factor)
                   : detail::linear_samples(in, out, factor, o.align_corners);
  };
  auto rows = samples(h, size.h, o.scale_factor.h), columns = samples(w, size.w, o.scale_factor.w);
  auto y = Tensor<T>::empty(detail::with_image(x.shape(), size.h, size.w));
  (nearest ? kernels::nearest_forward<T> : kernels::bilinear_forward<T>)(planes, h, w, rows, columns,
                                                                         detail::dense(x).data(), y.data());
  return record("interpolate", y, {x},
                [planes, h, w, nearest, rows = std::move(rows), columns = std::move(columns)](const Tensor<T>& g,
                                                                                              Slots<T>& into) {
                  if (!into.wants(0)) return;
                  auto [dx, accumulate] = into.target(0);
                  (nearest ? kernels::nearest_backward<T> : kernels::bilinear_backward<T>)(planes, h, w, rows, columns,
                                                                                           detail::dense(g).data(),
                                                                                           dx.data(), accumulate);
                });
}

}  // namespace shunt
