// Joining tensors along a dimension, and cutting them into views again.
#pragma once

#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// How far along `d` each part of a joined tensor begins, and at the end the whole.
template <Scalar T>
std::vector<std::int64_t> joined_offsets(const std::vector<Tensor<T>>& list, int d) {
  const Shape& first = list[0].shape();
  std::vector<std::int64_t> at{0};
  for (const auto& x : list) {
    Shape same = x.shape();
    if (same.rank() == first.rank()) same[d] = first[d];
    if (same != first) raise<ShapeError>("cat: ", first, " and ", x.shape(), " differ outside dimension ", d);
    at.push_back(at.back() + x.shape()[d]);
  }
  return at;
}

}  // namespace detail

/// The tensors of the list behind one another along `dim`; ShapeError if they differ elsewhere.
template <Scalar T>
Tensor<T> cat(const std::vector<Tensor<T>>& list, std::int64_t dim = 0) {
  if (list.empty()) detail::raise<ValueError>("cat: of no tensors");
  if (list[0].rank() == 0) detail::raise<ShapeError>("cat: scalars have no dimension to join along; use stack");
  const int d = detail::wrap_dim("cat", dim, list[0].rank());
  const auto at = detail::joined_offsets(list, d);
  Shape shape = list[0].shape();
  shape[d] = at.back();
  auto y = Tensor<T>::empty(shape);
  for (std::size_t i = 0; i < list.size(); ++i)
    detail::copy_into(y.alias(y.data() + at[i] * y.strides()[d], list[i].shape(), y.strides()), list[i]);
  return record("cat", y, list, [d, at](const Tensor<T>& g, Slots<T>& into) {
    for (std::size_t i = 0; i < into.size(); ++i) into.add(i, g.narrow(d, at[i], at[i + 1] - at[i]));
  });
}
template <Scalar T>
Tensor<T> cat(std::initializer_list<Tensor<T>> list, std::int64_t dim = 0) {
  return cat(std::vector<Tensor<T>>(list), dim);
}

/// The tensors of the list, all of one shape, along a new dimension `dim`.
template <Scalar T>
Tensor<T> stack(const std::vector<Tensor<T>>& list, std::int64_t dim = 0) {
  if (list.empty()) detail::raise<ValueError>("stack: of no tensors");
  Shape shape = list[0].shape();
  for (const auto& x : list)
    if (x.shape() != shape) detail::raise<ShapeError>("stack: shapes differ: ", shape, " and ", x.shape());
  const int d = detail::wrap_dim("stack", dim, shape.rank() + 1);
  shape.insert(d, static_cast<std::int64_t>(list.size()));
  auto y = Tensor<T>::empty(shape);
  for (std::size_t i = 0; i < list.size(); ++i) detail::copy_into(y.select(d, static_cast<std::int64_t>(i)), list[i]);
  return record("stack", y, list, [d](const Tensor<T>& g, Slots<T>& into) {
    for (std::size_t i = 0; i < into.size(); ++i) into.add(i, g.select(d, static_cast<std::int64_t>(i)));
  });
}
template <Scalar T>
Tensor<T> stack(std::initializer_list<Tensor<T>> list, std::int64_t dim = 0) {
  return stack(std::vector<Tensor<T>>(list), dim);
}

/// Views of `sizes` elements each along `dim`; ShapeError unless they add up to its size. Their gradients meet in one
/// buffer of x's shape, so many small pieces cost no more than few large ones.
template <Scalar T>
std::vector<Tensor<T>> split(const Tensor<T>& x, const std::vector<std::int64_t>& sizes, std::int64_t dim = 0) {
  const std::int64_t n = x.size(dim);
  std::int64_t total = 0;
  for (auto size : sizes) {
    if (size < 0) detail::raise<ValueError>("split: negative size ", size);
    total += size;
  }
  if (total != n)
    detail::raise<ShapeError>("split: sizes add up to ", total, ", dimension ", dim, " of ", x.shape(), " has ", n);
  std::vector<Tensor<T>> parts;
  std::int64_t begin = 0;
  for (auto size : sizes) {
    parts.push_back(x.narrow(dim, begin, size));
    begin += size;
  }
  return parts;
}
/// Views of `size` elements each along `dim`; the last may be smaller.
template <Scalar T>
std::vector<Tensor<T>> split(const Tensor<T>& x, std::int64_t size, std::int64_t dim = 0) {
  const std::int64_t n = x.size(dim);
  if (size < 0 || (size == 0 && n > 0)) detail::raise<ValueError>("split: size must be positive, got ", size);
  std::vector<std::int64_t> sizes;
  for (std::int64_t left = n; left > 0; left -= size) sizes.push_back(std::min(left, size));
  if (n == 0) sizes.push_back(0);
  return split(x, sizes, dim);
}
/// At most `chunks` views of equal size along `dim`; the last may be smaller, and there may be fewer, as in PyTorch.
template <Scalar T>
std::vector<Tensor<T>> chunk(const Tensor<T>& x, std::int64_t chunks, std::int64_t dim = 0) {
  if (chunks < 1) detail::raise<ValueError>("chunk: the number of chunks must be positive, got ", chunks);
  const std::int64_t n = x.size(dim);
  if (n == 0) return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(chunks), 0), dim);
  return split(x, (n + chunks - 1) / chunks, dim);
}

template <Scalar T>
std::vector<Tensor<T>> Tensor<T>::split(std::int64_t size, std::int64_t dim) const {
  return shunt::split(*this, size, dim);
}
template <Scalar T>
std::vector<Tensor<T>> Tensor<T>::split(const std::vector<std::int64_t>& sizes, std::int64_t dim) const {
  return shunt::split(*this, sizes, dim);
}
template <Scalar T>
std::vector<Tensor<T>> Tensor<T>::chunk(std::int64_t chunks, std::int64_t dim) const {
  return shunt::chunk(*this, chunks, dim);
}

}  // namespace shunt
