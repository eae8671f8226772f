// Softmax and its logarithm, over one dimension.
#pragma once

#include "shunt/autograd/record.hpp"
#include "shunt/kernels/softmax.hpp"

namespace shunt {
namespace detail {

/// Dimension `dim` of a dense tensor of this shape.
inline kernels::Along along(const char* op, const Shape& shape, std::int64_t dim) {
  const int at = wrap_dim(op, dim, shape.rank());
  kernels::Along a{1, 1, 1};
  for (int d = 0; d < shape.rank(); ++d) (d < at ? a.outer : d == at ? a.n : a.inner) *= shape[d];
  return a;
}

}  // namespace detail

/// exp(x) over its sum along `dim`. NaN where all are minus infinity.
template <Real T>
Tensor<T> softmax(const Tensor<T>& x, std::int64_t dim) {
  const auto along = detail::along("softmax", x.shape(), dim);
  auto y = Tensor<T>::empty(x.shape());
  kernels::softmax(along, detail::dense(x).data(), y.data());
  return record("softmax", y, {x}, [y = save(y), along](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    auto [dx, accumulate] = into.target(0);
    kernels::softmax_backward(along, y.get("softmax").data(), detail::dense(g).data(), dx.data(), accumulate);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::softmax(std::int64_t dim) const {
  return shunt::softmax(*this, dim);
}

/// log(softmax(x)) along `dim`, from the differences to the maximum: finite where softmax has rounded to 0.
template <Real T>
Tensor<T> log_softmax(const Tensor<T>& x, std::int64_t dim) {
  const auto along = detail::along("log_softmax", x.shape(), dim);
  auto y = Tensor<T>::empty(x.shape());
  kernels::log_softmax(along, detail::dense(x).data(), y.data());
  return record("log_softmax", y, {x}, [y = save(y), along](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    auto [dx, accumulate] = into.target(0);
    kernels::log_softmax_backward(along, y.get("log_softmax").data(), detail::dense(g).data(), dx.data(), accumulate);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::log_softmax(std::int64_t dim) const {
  return shunt::log_softmax(*this, dim);
}

}  // namespace shunt
