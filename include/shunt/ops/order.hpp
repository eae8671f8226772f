// Order statistics along a dimension: extremes and where they stand, sorting, the k best; and running sums. The first
// of equals wins, and a NaN is larger than every number.
#pragma once

#include "shunt/kernels/order.hpp"
#include "shunt/ops/reduce.hpp"

namespace shunt {
namespace detail {

/// Gradient of values taken from `index` along a dimension of `from`, as `along` has it; k of them a line.
template <Scalar T>
void give_back(Slots<T>& into, const Tensor<T>& g, const Tensor<std::int64_t>& index, const kernels::Along& along,
               std::int64_t k) {
  if (!into.wants(0)) return;
  auto [dx, accumulate] = into.target(0);
  if (!accumulate) std::fill_n(dx.data(), dx.numel(), T(0));
  kernels::add_at_places(along, k, dense(g).data(), index.data(), dx.data());
}

/// Where the extremes of x stand along a dimension.
template <Scalar T>
Tensor<std::int64_t> places(const Tensor<T>& x, const Tensor<T>& extremes, const kernels::Along& along) {
  const auto index = Tensor<std::int64_t>::empty(extremes.shape());
  kernels::find_first(along, dense(x).data(), extremes.data(), index.data());
  return index;
}
template <Scalar T, class R>
ValuesIndices<T> extreme_along(const char* op, const R& r, const Tensor<T>& x, std::int64_t dim, bool keepdim) {
  const ReducePlan plan(op, x.shape(), dim, keepdim);
  if (plan.count == 0) raise<ShapeError>(op, ": of no elements, along dimension ", dim, " of ", x.shape());
  const auto across = along(op, x.shape(), dim);
  auto values = reduced<T>(r, plan, x);
  auto indices = places(x, values, across);
  auto recorded = record(op, values, {x}, [index = save(indices), across, op](const Tensor<T>& g, Slots<T>& into) {
    give_back(into, g, index.get(op), across, 1);
  });
  return {std::move(recorded), std::move(indices)};
}
template <Scalar T, class R>
Tensor<std::int64_t> place_of_all(const char* op, const R& r, const Tensor<T>& x) {
  const ReducePlan plan(op, x.shape(), {}, false);
  if (plan.count == 0) raise<ShapeError>(op, ": of no elements, in ", x.shape());
  return places(x, reduced<T>(r, plan, x), {1, x.numel(), 1});
}
template <Scalar T, class R>
Tensor<std::int64_t> place_along(const char* op, const R& r, const Tensor<T>& x, std::int64_t dim, bool keepdim) {
  const ReducePlan plan(op, x.shape(), dim, keepdim);
  if (plan.count == 0) raise<ShapeError>(op, ": of no elements, along dimension ", dim, " of ", x.shape());
  return places(x, reduced<T>(r, plan, x), along(op, x.shape(), dim));
}

}  // namespace detail

/// The largest values along `dim` and where they stand. The first of equals takes the whole gradient.
template <Scalar T>
ValuesIndices<T> max(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::extreme_along("max", detail::Max<T>{}, x, dim, keepdim);
}
template <Scalar T>
ValuesIndices<T> Tensor<T>::max(std::int64_t dim, bool keepdim) const {
  return shunt::max(*this, dim, keepdim);
}
/// The smallest values along `dim` and where they stand. The first of equals takes the whole gradient.
template <Scalar T>
ValuesIndices<T> min(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::extreme_along("min", detail::Min<T>{}, x, dim, keepdim);
}
template <Scalar T>
ValuesIndices<T> Tensor<T>::min(std::int64_t dim, bool keepdim) const {
  return shunt::min(*this, dim, keepdim);
}

/// The place of the largest of all elements, counted in row-major order.
template <Scalar T>
Tensor<std::int64_t> argmax(const Tensor<T>& x) {
  return detail::place_of_all("argmax", detail::Max<T>{}, x);
}
/// The place of the largest element along `dim`.
template <Scalar T>
Tensor<std::int64_t> argmax(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::place_along("argmax", detail::Max<T>{}, x, dim, keepdim);
}
/// The place of the smallest of all elements, counted in row-major order.
template <Scalar T>
Tensor<std::int64_t> argmin(const Tensor<T>& x) {
  return detail::place_of_all("argmin", detail::Min<T>{}, x);
}
/// The place of the smallest element along `dim`.
template <Scalar T>
Tensor<std::int64_t> argmin(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::place_along("argmin", detail::Min<T>{}, x, dim, keepdim);
}
template <Scalar T>
Tensor<std::int64_t> Tensor<T>::argmax() const {
  return shunt::argmax(*this);
}
template <Scalar T>
Tensor<std::int64_t> Tensor<T>::argmax(std::int64_t dim, bool keepdim) const {
  return shunt::argmax(*this, dim, keepdim);
}
template <Scalar T>
Tensor<std::int64_t> Tensor<T>::argmin() const {
  return shunt::argmin(*this);
}
template <Scalar T>
Tensor<std::int64_t> Tensor<T>::argmin(std::int64_t dim, bool keepdim) const {
  return shunt::argmin(*this, dim, keepdim);
}

namespace detail {

template <Scalar T>
ValuesIndices<T> first_along(const char* op, const Tensor<T>& x, std::int64_t k, std::int64_t dim, bool descending) {
  const auto across = along(op, x.shape(), dim);
  if (k < 0 || k > across.n)
    raise<IndexError>(op, ": ", k, " of the ", across.n, " elements along dimension ", dim, " of ", x.shape());
  Shape shape = x.shape();
  if (x.rank() > 0) shape[wrap_dim(op, dim, x.rank())] = k;
  const auto values = Tensor<T>::empty(shape);
  auto indices = Tensor<std::int64_t>::empty(shape);
  kernels::sort_lines(across, k, descending, dense(x).data(), values.data(), indices.data());
  auto recorded = record(op, values, {x}, [index = save(indices), across, k, op](const Tensor<T>& g, Slots<T>& into) {
    give_back(into, g, index.get(op), across, k);
  });
  return {std::move(recorded), std::move(indices)};
}

}  // namespace detail

/// The elements in rising order along `dim`, or falling, and where they stood; equal ones keep their order.
template <Scalar T>
ValuesIndices<T> sort(const Tensor<T>& x, std::int64_t dim = -1, bool descending = false) {
  return detail::first_along("sort", x, detail::along("sort", x.shape(), dim).n, dim, descending);
}
template <Scalar T>
ValuesIndices<T> Tensor<T>::sort(std::int64_t dim, bool descending) const {
  return shunt::sort(*this, dim, descending);
}
/// The places that put the elements in order along `dim`.
template <Scalar T>
Tensor<std::int64_t> argsort(const Tensor<T>& x, std::int64_t dim = -1, bool descending = false) {
  return sort(x, dim, descending).indices;
}
template <Scalar T>
Tensor<std::int64_t> Tensor<T>::argsort(std::int64_t dim, bool descending) const {
  return shunt::argsort(*this, dim, descending);
}
/// The k largest elements along `dim`, or smallest, in order, and where they stood; IndexError for more than there are.
template <Scalar T>
ValuesIndices<T> topk(const Tensor<T>& x, std::int64_t k, std::int64_t dim = -1, bool largest = true) {
  return detail::first_along("topk", x, k, dim, largest);
}
template <Scalar T>
ValuesIndices<T> Tensor<T>::topk(std::int64_t k, std::int64_t dim, bool largest) const {
  return shunt::topk(*this, k, dim, largest);
}

/// Running sums along `dim`: element i is the sum of elements 0 to i.
template <Scalar T>
Tensor<T> cumsum(const Tensor<T>& x, std::int64_t dim) {
  const auto across = detail::along("cumsum", x.shape(), dim);
  const auto y = Tensor<T>::empty(x.shape());
  kernels::running_sum(across, detail::dense(x).data(), y.data(), false);
  return record("cumsum", y, {x}, [across](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    const auto dx = Tensor<T>::empty(g.shape());
    kernels::running_sum(across, detail::dense(g).data(), dx.data(), true);
    into.add(0, dx);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::cumsum(std::int64_t dim) const {
  return shunt::cumsum(*this, dim);
}

}  // namespace shunt
