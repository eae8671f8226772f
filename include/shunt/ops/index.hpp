// Elements at places that a tensor of indices names. Gradients go back to those places, added in the order of the
// indices whatever the number of threads. Indices are not counted from the end; those outside are an IndexError.
#pragma once

#include <optional>

#include "shunt/kernels/index.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// IndexError naming the first index outside [0, n).
inline void check_indices(const char* op, const Tensor<std::int64_t>& index, std::int64_t n) {
  const auto all = dense(index);
  for (const std::int64_t *i = all.data(), *end = i + all.numel(); i < end; ++i)
    if (*i < 0 || *i >= n) raise<IndexError>(op, ": index ", *i, " is outside size ", n);
}

/// x as (outer, n, inner) around dimension d.
struct AroundDim {
  AroundDim(const Shape& shape, int d) : n(shape[d]) {
    for (int i = 0; i < d; ++i) outer *= shape[i];
    for (int i = d + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  std::int64_t outer = 1, n, inner = 1;
};

/// Input i's gradient += the rows of g at `index` along `d`, but for row `skip`.
template <Scalar T>
void add_rows(Slots<T>& into, std::size_t i, const Tensor<T>& g, const Tensor<std::int64_t>& index, int d,
              std::int64_t skip = -1) {
  if (!into.wants(i)) return;
  const auto rows = dense(g);
  const auto at = dense(index);
  const AroundDim to(into.shape(i), d);
  const auto run = [&](const auto& out) {
    kernels::add_rows(out.data(), rows.data(), at.data(), to.outer, to.n, at.numel(), to.inner, skip);
  };
  auto [out, accumulate] = into.target(i);
  if constexpr (std::same_as<T, bfloat16>) {  // summed in float, rounded once
    auto sum = Tensor<float>::empty(out.shape());
    std::fill_n(sum.data(), sum.numel(), 0.f);
    run(sum);
    if (accumulate)
      map_into(Add{}, out, out, sum);
    else
      copy_into(out, sum);
  } else {
    if (!accumulate) std::fill_n(out.data(), out.numel(), T(0));
    run(out);
  }
}

/// The dimensions of an index for gather and scatter_add must lie within those of x, but along `d`.
template <Scalar T>
void check_within(const char* op, const Tensor<std::int64_t>& index, const Tensor<T>& x, int d, bool along) {
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = (i == d && !along) || index.shape()[i] <= x.shape()[i];
  if (!fits) raise<ShapeError>(op, ": index ", index.shape(), " does not fit ", x.shape(), " along dimension ", d);
}

/// How many places there are along d; a scalar has one.
inline std::int64_t size_along(const Shape& shape, int d) { return shape.empty() ? 1 : shape[d]; }

/// Calls f(i, k) for every element of `index`, along d in order: i is its offset by the strides `own`, and k that of
/// the place it names, by the strides `other`.
template <class F>
void for_each_index(const Tensor<std::int64_t>& index, int d, const Shape& own, const Shape& other, const F& f) {
  Shape lines = index.shape(), begin = other;
  const std::int64_t length = size_along(lines, d), step = other.empty() ? 0 : other[d];
  if (!lines.empty()) lines[d] = 1;
  if (!begin.empty()) begin[d] = 0;
  const auto* at = index.data();
  kernels::for_each_line(kernels::make_nest(lines, {own, index.strides(), begin}), length,
                         {lines.empty() ? 0 : own[d], lines.empty() ? 0 : index.strides()[d], 0},
                         [&](std::int64_t i, std::int64_t j, std::int64_t k) { f(i, k + at[j] * step); });
}

/// out[.., index[.., i, ..], ..] += src[.., i, ..], both indexed along d; summed in float for bfloat16, rounded once.
template <Scalar T>
void scatter_into(const Tensor<T>& out, const Tensor<std::int64_t>& index, int d, const Tensor<T>& src) {
  const auto run = [&](auto* to, const Shape& strides) {
    using A = std::remove_pointer_t<decltype(to)>;
    const T* from = src.data();
    for_each_index(index, d, src.strides(), strides,
                   [=](std::int64_t i, std::int64_t k) { to[k] = static_cast<A>(to[k] + from[i]); });
  };
  if constexpr (std::same_as<T, bfloat16>) {
    const auto sum = map<float>("to", Copy<float>{}, out);
    run(sum.data(), sum.strides());
    copy_into(out, sum);
  } else {
    run(out.data(), out.strides());
  }
}

/// gather without history and checks.
template <Scalar T>
Tensor<T> gathered(const Tensor<T>& x, int d, const Tensor<std::int64_t>& index) {
  auto y = Tensor<T>::empty(index.shape());
  T* to = y.data();
  const T* from = x.data();
  for_each_index(index, d, y.strides(), x.strides(), [=](std::int64_t i, std::int64_t k) { to[i] = from[k]; });
  return y;
}

}  // namespace detail

/// The parts of x at the places `index` (n,) along `dim`, in that order, as a copy.
template <Scalar T>
Tensor<T> index_select(const Tensor<T>& x, std::int64_t dim, const Tensor<std::int64_t>& index) {
  const int d = detail::wrap_dim("index_select", dim, x.rank());
  if (x.rank() == 0) detail::raise<ShapeError>("index_select: a scalar has no dimension to select from");
  if (index.rank() > 1) detail::raise<ShapeError>("index_select: index must be a vector, got ", index.shape());
  detail::check_indices("index_select", index, x.shape()[d]);
  const detail::AroundDim from(x.shape(), d);
  const auto rows = detail::dense(x);
  const auto at = detail::dense(index);
  Shape shape = x.shape();
  shape[d] = index.numel();
  auto y = Tensor<T>::empty(shape);
  kernels::take_rows(y.data(), rows.data(), at.data(), from.outer, from.n, at.numel(), from.inner);
  return record("index_select", y, {x}, [d, index = save(index)](const Tensor<T>& g, Slots<T>& into) {
    detail::add_rows(into, 0, g, index.get("index_select"), d);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::index_select(std::int64_t dim, const Tensor<std::int64_t>& index) const {
  return shunt::index_select(*this, dim, index);
}

/// y[i][j] = x[index[i][j]][j] for dim 0, and so on for others; y has the shape of index, which must lie within that of
/// x outside `dim`.
template <Scalar T>
Tensor<T> gather(const Tensor<T>& x, std::int64_t dim, const Tensor<std::int64_t>& index) {
  const int d = detail::wrap_dim("gather", dim, x.rank());
  detail::check_within("gather", index, x, d, false);
  detail::check_indices("gather", index, detail::size_along(x.shape(), d));
  return record("gather", detail::gathered(x, d, index), {x},
                [d, index = save(index)](const Tensor<T>& g, Slots<T>& into) {
                  if (!into.wants(0)) return;
                  auto [out, accumulate] = into.target(0);
                  if (!accumulate) std::fill_n(out.data(), out.numel(), T(0));
                  detail::scatter_into(out, index.get("gather"), d, g);
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::gather(std::int64_t dim, const Tensor<std::int64_t>& index) const {
  return shunt::gather(*this, dim, index);
}

/// x with src[i][j] added at [index[i][j]][j] for dim 0, and so on for others. index must lie within src, and outside
/// `dim` within x.
template <Scalar T>
Tensor<T> scatter_add(const Tensor<T>& x, std::int64_t dim, const Tensor<std::int64_t>& index, const Tensor<T>& src) {
  const int d = detail::wrap_dim("scatter_add", dim, x.rank());
  detail::check_within("scatter_add", index, x, d, false);
  detail::check_within("scatter_add", index, src, d, true);
  detail::check_indices("scatter_add", index, detail::size_along(x.shape(), d));
  auto y = detail::copy_of(x);
  detail::scatter_into(y, index, d, src);
  return record("scatter_add", y, {x, src}, [d, index = save(index)](const Tensor<T>& g, Slots<T>& into) {
    into.add(0, g);
    if (!into.wants(1)) return;
    const auto dsrc = detail::gathered(g, d, index.get("scatter_add"));
    if (dsrc.shape() == into.shape(1)) return into.add(1, dsrc);
    into.add_region(1, dsrc,
                    [&](const Tensor<T>& whole) { return whole.alias(whole.data(), dsrc.shape(), whole.strides()); });
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::scatter_add(std::int64_t dim, const Tensor<std::int64_t>& index, const Tensor& src) const {
  return shunt::scatter_add(*this, dim, index, src);
}

struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx = {};  ///< The row whose gradient stays 0; negative counts from the end.
};

/// Rows of weight (count, width): ids of any shape -> ids' shape + (width,).
template <Scalar T>
Tensor<T> embedding(const Tensor<std::int64_t>& ids, const Tensor<T>& weight, EmbeddingOptions options = {}) {
  if (weight.rank() != 2) detail::raise<ShapeError>("embedding: weight must be (count, width), got ", weight.shape());
  const auto n = weight.size(0), width = weight.size(1);
  std::int64_t padding = -1;
  if (options.padding_idx) {
    padding = *options.padding_idx < 0 ? *options.padding_idx + n : *options.padding_idx;
    if (padding < 0 || padding >= n)
      detail::raise<IndexError>("embedding: padding_idx ", *options.padding_idx, " is outside size ", n);
  }
  detail::check_indices("embedding", ids, n);
  const auto rows = detail::dense(weight);
  const auto at = detail::dense(ids);
  Shape shape = ids.shape();
  shape.push_back(width);
  auto y = Tensor<T>::empty(shape);
  kernels::take_rows(y.data(), rows.data(), at.data(), 1, n, at.numel(), width);
  return record("embedding", y, {weight}, [padding, ids = save(ids)](const Tensor<T>& g, Slots<T>& into) {
    detail::add_rows(into, 0, g, ids.get("embedding"), 0, padding);
  });
}

}  // namespace shunt
