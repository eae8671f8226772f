// Dropout of elements and of whole samples. Masks are drawn again in backward rather than kept.
#pragma once

#include "shunt/kernels/dropout.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/pointwise.hpp"

namespace shunt {
namespace detail {

inline void check_probability(const char* op, double p) {
  if (!(p >= 0 && p <= 1)) raise<ValueError>(op, ": the probability must lie in [0, 1], got ", p);
}

}  // namespace detail

/// In training each element is 0 with probability p, and 1 / (1 - p) times itself otherwise (Srivastava et al. 2014);
/// else x itself. ValueError for p outside [0, 1].
template <Real T>
Tensor<T> dropout(const Tensor<T>& x, double p, bool training, Generator& source = generator()) {
  detail::check_probability("dropout", p);
  if (!training || p == 0) return x;
  if (p == 1)
    return record("dropout", zeros<T>(x.shape()), {x},
                  [](const Tensor<T>& g, Slots<T>& into) { into.add(0, zeros<T>(g.shape())); });
  const RandomStream stream = source.reserve(kernels::dropout_blocks(x.numel()));
  const auto threshold = kernels::dropout_threshold(p);
  const T scale = detail::convert<T>(1 / (1 - p));
  auto y = Tensor<T>::empty(x.shape());
  kernels::dropout(x.numel(), detail::dense(x).data(), y.data(), stream, threshold, scale, false);
  return record("dropout", y, {x}, [stream, threshold, scale](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    const auto up = detail::dense(g);
    auto [dx, accumulate] = into.target(0);
    kernels::dropout(up.numel(), up.data(), dx.data(), stream, threshold, scale, accumulate);
  });
}

/// dropout() of whole samples, the elements of the first dimension: a residual branch is left out (Huang et al. 2016,
/// "stochastic depth").
template <Real T>
Tensor<T> drop_path(const Tensor<T>& x, double p, bool training, Generator& source = generator()) {
  detail::check_probability("drop_path", p);
  if (!training || p == 0) return x;
  if (x.rank() == 0) detail::raise<ShapeError>("drop_path: needs samples in a first dimension, got a scalar");
  Shape samples = Shape::filled(x.rank(), 1);
  samples[0] = x.size(0);
  auto keep = Tensor<T>::empty(samples);
  const auto draws = rand<float>(samples, source);
  const T scale = detail::convert<T>(p < 1 ? 1 / (1 - p) : 0);
  for (std::int64_t i = 0; i < keep.numel(); ++i) keep.data()[i] = draws.data()[i] < p ? T(0) : scale;
  return x * keep;
}

}  // namespace shunt
