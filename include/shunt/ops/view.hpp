// Views: the same elements under other sizes and strides. None copies but contiguous, clone, to, and a reshape that has
// to. A view's gradient is the inverse view of its own.
#pragma once

#include <optional>

#include "shunt/autograd/record.hpp"

namespace shunt {
namespace detail {

/// `wanted` with its one -1 worked out; ShapeError if the number of elements differs.
inline Shape infer_shape(const char* op, const Shape& from, std::int64_t numel, Shape wanted) {
  std::int64_t known = 1;
  int open = -1;
  for (int d = 0; d < wanted.rank(); ++d) {
    if (wanted[d] != -1)
      known *= wanted[d];
    else if (open >= 0)
      raise<ShapeError>(op, ": only one size of ", wanted, " may be -1");
    else
      open = d;
  }
  if (open >= 0 && known > 0 && numel % known == 0) wanted[open] = numel / known;
  if ((open >= 0 && wanted[open] < 0) || checked_numel(op, wanted) != numel)
    raise<ShapeError>(op, ": cannot give ", from, " (", numel, " elements) the shape ", wanted, " (", known,
                      " elements)");
  return wanted;
}

/// Strides that show x's elements, in order, as `shape`; empty where only a copy could.
inline std::optional<Shape> view_strides(const Body& x, const Shape& shape) {
  if (x.dense) return dense_strides(shape);
  Shape strides = Shape::filled(shape.rank(), 1);
  const Shape& old = x.shape;
  int to = shape.rank() - 1;
  for (int d = old.rank() - 1; d >= 0;) {
    // Old dimensions [begin, d] are one even run; new dimensions must fill it exactly.
    std::int64_t run = old[d], step = x.strides[d];
    int begin = d;
    while (begin > 0 && (old[begin - 1] == 1 || run == 1 || x.strides[begin - 1] == step * run)) {
      --begin;
      if (run == 1) step = x.strides[begin];
      run *= old[begin];
    }
    std::int64_t filled = 1;
    while (to >= 0 && (filled < run || shape[to] == 1)) {
      strides[to] = step * filled;
      filled *= shape[to--];
    }
    if (filled != run) return std::nullopt;
    d = begin - 1;
  }
  return strides;
}
/// The same elements, in order, as `to`, without history: a view where the strides allow it, else a copy.
template <Scalar T>
Tensor<T> reshaped(const Tensor<T>& x, const Shape& to) {
  const auto strides = view_strides(x.body(), to);
  const auto source = strides ? x : copy_of(x);
  return source.alias(source.data(), to, strides ? *strides : dense_strides(to));
}

}  // namespace detail

/// The same elements, in order, as `shape`; one size may be -1. A view where the strides allow it, else a copy.
template <Scalar T>
Tensor<T> reshape(const Tensor<T>& x, const Shape& shape) {
  const Shape to = detail::infer_shape("reshape", x.shape(), x.numel(), shape);
  return record("reshape", detail::reshaped(x, to), {x},
                [from = x.shape()](const Tensor<T>& g, Slots<T>& into) { into.add(0, reshape(g, from)); });
}
template <Scalar T>
Tensor<T> Tensor<T>::reshape(const Shape& to) const {
  return shunt::reshape(*this, to);
}
/// reshape() that never copies: ShapeError where it would have to.
template <Scalar T>
Tensor<T> Tensor<T>::view(const Shape& to) const {
  if (!detail::view_strides(body(), detail::infer_shape("view", shape(), numel(), to)))
    detail::raise<ShapeError>("view: strides ", strides(), " of ", shape(), " do not allow ", to,
                              " without a copy; use reshape");
  return reshape(to);
}

/// Dimension d of the result is dimension dims[d] of x; every dimension is named once.
template <Scalar T>
Tensor<T> permute(const Tensor<T>& x, const Dims& dims) {
  if (dims.rank() != x.rank())
    detail::raise<ShapeError>("permute: ", x.shape(), " needs ", x.rank(), " dimensions, got ", to_string(dims));
  detail::dim_mask("permute", dims, x.rank());
  Shape shape, strides;
  Dims inverse = Shape::filled(x.rank(), 0);
  for (int d = 0; d < x.rank(); ++d) {
    const int from = detail::wrap_dim("permute", dims[d], x.rank());
    shape.push_back(x.shape()[from]);
    strides.push_back(x.strides()[from]);
    inverse[from] = d;
  }
  return record("permute", x.alias(x.data(), shape, strides), {x},
                [inverse](const Tensor<T>& g, Slots<T>& into) { into.add(0, permute(g, inverse)); });
}
template <Scalar T>
Tensor<T> Tensor<T>::permute(const Dims& dims) const {
  return shunt::permute(*this, dims);
}

template <Scalar T>
Tensor<T> transpose(const Tensor<T>& x, std::int64_t a, std::int64_t b) {
  const int i = detail::wrap_dim("transpose", a, x.rank()), j = detail::wrap_dim("transpose", b, x.rank());
  Shape shape = x.shape(), strides = x.strides();
  if (x.rank() > 0) {
    std::swap(shape[i], shape[j]);
    std::swap(strides[i], strides[j]);
  }
  return record("transpose", x.alias(x.data(), shape, strides), {x},
                [a, b](const Tensor<T>& g, Slots<T>& into) { into.add(0, transpose(g, a, b)); });
}
template <Scalar T>
Tensor<T> Tensor<T>::transpose(std::int64_t a, std::int64_t b) const {
  return shunt::transpose(*this, a, b);
}
/// The last two dimensions exchanged.
template <Scalar T>
Tensor<T> Tensor<T>::mT() const {
  if (rank() < 2) detail::raise<ShapeError>("mT: needs at least two dimensions, got ", shape());
  return transpose(-2, -1);
}
/// A matrix transposed; rank 0 and 1 as they are.
template <Scalar T>
Tensor<T> Tensor<T>::t() const {
  if (rank() > 2) detail::raise<ShapeError>("t: needs at most two dimensions, got ", shape());
  return rank() == 2 ? transpose(0, 1) : *this;
}

/// Elements begin, begin + step, ... below end along `dim`; negative positions count from the end, others are cut to
/// the size, as Python's are.
template <Scalar T>
Tensor<T> slice(const Tensor<T>& x, std::int64_t dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1) {
  const int d = detail::wrap_dim("slice", dim, x.rank());
  if (x.rank() == 0) detail::raise<ShapeError>("slice: a scalar cannot be sliced");
  if (step < 1) detail::raise<ValueError>("slice: step must be positive, got ", step);
  const auto n = x.shape()[d];
  const auto place = [n](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n); };
  const auto b = place(begin), e = std::max(place(end), b);
  Shape shape = x.shape(), strides = x.strides();
  shape[d] = (e - b + step - 1) / step;
  T* first = x.data() + b * strides[d];
  strides[d] *= step;
  return record("slice", x.alias(first, shape, strides), {x}, [d, b, e, step](const Tensor<T>& g, Slots<T>& into) {
    into.add_region(0, g, [&](const Tensor<T>& whole) { return slice(whole, d, b, e, step); });
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::slice(std::int64_t dim, std::int64_t begin, std::int64_t end, std::int64_t step) const {
  return shunt::slice(*this, dim, begin, end, step);
}
/// `length` elements from `begin` on along `dim`; IndexError if they are not all there.
template <Scalar T>
Tensor<T> Tensor<T>::narrow(std::int64_t dim, std::int64_t begin, std::int64_t length) const {
  const auto n = size(dim), b = begin < 0 ? begin + n : begin;
  if (length < 0 || b < 0 || b + length > n)
    detail::raise<IndexError>("narrow: ", length, " elements from ", begin, " on are outside size ", n, " of ",
                              shape());
  return slice(dim, b, b + length);
}

/// Element `index` along `dim`, without that dimension; IndexError outside it.
template <Scalar T>
Tensor<T> select(const Tensor<T>& x, std::int64_t dim, std::int64_t index) {
  const int d = detail::wrap_dim("select", dim, x.rank());
  if (x.rank() == 0) detail::raise<IndexError>("select: a scalar has no dimension to select from");
  const auto n = x.shape()[d], i = index < 0 ? index + n : index;
  if (i < 0 || i >= n)
    detail::raise<IndexError>("select: index ", index, " is outside size ", n, " of dimension ", d, " of ", x.shape());
  Shape shape = x.shape(), strides = x.strides();
  T* first = x.data() + i * strides[d];
  shape.erase(d);
  strides.erase(d);
  return record("select", x.alias(first, shape, strides), {x}, [d, i](const Tensor<T>& g, Slots<T>& into) {
    into.add_region(0, g, [&](const Tensor<T>& whole) { return select(whole, d, i); });
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::select(std::int64_t dim, std::int64_t index) const {
  return shunt::select(*this, dim, index);
}
template <Scalar T>
Tensor<T> Tensor<T>::operator[](std::int64_t index) const {
  return select(0, index);
}

/// Repeats size-one dimensions, and new ones in front, without a copy; -1 keeps a size.
template <Scalar T>
Tensor<T> expand(const Tensor<T>& x, const Shape& shape) {
  Shape to = shape;
  const int shift = to.rank() - x.rank();
  for (int d = 0; d < to.rank(); ++d) {
    const auto have = d < shift ? 1 : x.shape()[d - shift];
    if (to[d] == -1 && d >= shift) to[d] = have;
    if (shift < 0 || to[d] < 0 || (have != 1 && have != to[d]))
      detail::raise<ShapeError>("expand: ", x.shape(), " to ", shape);
  }
  if (shift < 0) detail::raise<ShapeError>("expand: ", x.shape(), " to ", shape);
  return record("expand", x.alias(x.data(), to, detail::strides_in(x, to)), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.add(0, g); });  // add() sums over what was repeated
}
template <Scalar T>
Tensor<T> Tensor<T>::expand(const Shape& to) const {
  return shunt::expand(*this, to);
}

/// Without dimension `dim` if its size is one, else x itself.
template <Scalar T>
Tensor<T> squeeze(const Tensor<T>& x, std::int64_t dim) {
  Shape shape = x.shape();
  const int d = detail::wrap_dim("squeeze", dim, x.rank());
  if (x.rank() == 0 || shape[d] != 1) return x;
  shape.erase(d);
  return reshape(x, shape);
}
/// Without all dimensions of size one.
template <Scalar T>
Tensor<T> squeeze(const Tensor<T>& x) {
  Shape shape;
  for (auto n : x.shape())
    if (n != 1) shape.push_back(n);
  return reshape(x, shape);
}
template <Scalar T>
Tensor<T> Tensor<T>::squeeze() const {
  return shunt::squeeze(*this);
}
template <Scalar T>
Tensor<T> Tensor<T>::squeeze(std::int64_t dim) const {
  return shunt::squeeze(*this, dim);
}
/// With a new dimension of size one at `dim`.
template <Scalar T>
Tensor<T> unsqueeze(const Tensor<T>& x, std::int64_t dim) {
  Shape shape = x.shape();
  shape.insert(detail::wrap_dim("unsqueeze", dim, x.rank() + 1), 1);
  return reshape(x, shape);
}
template <Scalar T>
Tensor<T> Tensor<T>::unsqueeze(std::int64_t dim) const {
  return shunt::unsqueeze(*this, dim);
}
/// Dimensions first..last as one.
template <Scalar T>
Tensor<T> flatten(const Tensor<T>& x, std::int64_t first = 0, std::int64_t last = -1) {
  const int a = detail::wrap_dim("flatten", first, x.rank()), b = detail::wrap_dim("flatten", last, x.rank());
  if (a > b) detail::raise<ValueError>("flatten: first dimension ", first, " lies behind last ", last);
  if (x.rank() == 0) return reshape(x, {1});
  Shape shape;
  for (int d = 0; d < x.rank(); ++d) {
    if (d <= a || d > b)
      shape.push_back(x.shape()[d]);
    else
      shape[a] *= x.shape()[d];
  }
  return reshape(x, shape);
}
template <Scalar T>
Tensor<T> Tensor<T>::flatten(std::int64_t first, std::int64_t last) const {
  return shunt::flatten(*this, first, last);
}

/// A dense copy with elements of its own.
template <Scalar T>
Tensor<T> clone(const Tensor<T>& x) {
  return record("clone", detail::copy_of(x), {x}, [](const Tensor<T>& g, Slots<T>& into) { into.add(0, g); });
}
template <Scalar T>
Tensor<T> Tensor<T>::clone() const {
  return shunt::clone(*this);
}
/// x itself if it is dense and row-major, else a copy that is.
template <Scalar T>
Tensor<T> Tensor<T>::contiguous() const {
  return is_contiguous() ? *this : clone();
}

/// The values as another scalar type; x itself if it is that type.
template <Scalar T>
template <Scalar U>
Tensor<U> Tensor<T>::to() const {
  if constexpr (std::same_as<T, U>) {
    return *this;
  } else {
    auto y = detail::map<U>("to", detail::Copy<U>{}, *this);
    if constexpr (Real<T> && Real<U>) {
      // Recorded by hand: the input's gradient has another scalar type than the result's.
      if (const detail::Input<T> inputs[] = {*this}; detail::wants_record<T>(inputs)) {
        auto backward = [](const Tensor<U>& g, Slots<U>& into) {
          if (into.wants(0)) into.template node_as<T>(0).add(g.template to<T>());
        };
        const detail::Ref<detail::Node> node(detail::OpNode<U>::make("to", y.shape(), 1u, std::move(backward)));
        node->edges[0] = detail::node_of(*this);
        y.body().history = detail::Ref<detail::History>(node.get());
      }
    }
    return y;
  }
}

template <Scalar T>
std::vector<T> Tensor<T>::to_vector() const {
  const auto c = detail::dense(*this);
  return std::vector<T>(c.data(), c.data() + c.numel());
}

}  // namespace shunt
