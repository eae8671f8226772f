// Reductions: one value of many, over the dimensions named, or over all.
#pragma once

#include "shunt/autograd/record.hpp"
#include "shunt/kernels/along.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// Where a reduction goes: the dimensions as a mask, the shape with them as 1, and the result's own shape.
struct ReducePlan {
  ReducePlan(const char* op, const Shape& shape, const Dims& dims, bool keepdim)
      : mask(dim_mask(op, dims, shape.rank())), kept(reduced_shape(shape, mask, true)) {
    result = keepdim ? kept : reduced_shape(shape, mask, false);
    count = 1;
    for (int d = 0; d < shape.rank(); ++d)
      if (mask >> d & 1u) count *= shape[d];
  }
  std::uint32_t mask;
  Shape kept, result;
  std::int64_t count;  ///< Elements that become one.
};

/// Dimension `dim` of a dense tensor of this shape.
inline kernels::Along along(const char* op, const Shape& shape, std::int64_t dim) {
  const int at = wrap_dim(op, dim, shape.rank());
  kernels::Along a{1, 1, 1};
  for (int d = 0; d < shape.rank(); ++d) (d < at ? a.outer : d == at ? a.n : a.inner) *= shape[d];
  return a;
}

/// The reduction r of x (and further inputs of its shape) as a fresh tensor of the plan's result shape.
template <Scalar O, class R, Scalar T, Scalar... I>
Tensor<O> reduced(const R& r, const ReducePlan& plan, const Tensor<T>& x, const Tensor<I>&... in) {
  auto y = Tensor<O>::empty(plan.kept);
  reduce_into(r, false, y, x, in...);
  return y.alias(y.data(), plan.result, dense_strides(plan.result));
}
/// g, which has a reduction's result's shape, with or without the dimensions of `mask`, expanded back to x's shape
/// `to`: its elements repeat along what was reduced. A value without history.
template <Scalar T>
Tensor<T> spread(const Tensor<T>& g, std::uint32_t mask, const Shape& to) {
  const bool keepdim = g.rank() == to.rank();
  Shape strides = Shape::filled(to.rank(), 0);
  for (int d = 0, from = 0; d < to.rank(); ++d) {
    const bool reduced = (mask >> d & 1u) != 0;
    if (!reduced) strides[d] = g.strides()[from];
    from += keepdim || !reduced;
  }
  return g.alias(g.data(), to, strides);
}

template <class T>
struct Mean : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  Acc count;
  Acc finish(Acc a) const { return a / count; }
};
template <class T>
struct Max {
  using Acc = accumulate_t<T>;
  static Acc identity() {
    using L = std::numeric_limits<Acc>;
    if constexpr (L::has_infinity)
      return -L::infinity();
    else
      return L::lowest();
  }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return b > a ? b : b == b ? a : b; }  // a NaN stays
  static Acc finish(Acc a) { return a; }
};
template <class T>
struct Min {
  using Acc = accumulate_t<T>;
  static Acc identity() {
    using L = std::numeric_limits<Acc>;
    if constexpr (L::has_infinity)
      return L::infinity();
    else
      return L::max();
  }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return b < a ? b : b == b ? a : b; }
  static Acc finish(Acc a) { return a; }
};
template <class T>
struct Product {
  using Acc = accumulate_t<T>;
  static Acc identity() { return Acc(1); }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return static_cast<Acc>(a * b); }
  static Acc finish(Acc a) { return a; }
};
}  // namespace detail

/// Sum over `dims`, of x's own type: whether any is true, for bool (count with x.to<std::int64_t>()). bfloat16 is
/// summed in float.
template <Scalar T>
Tensor<T> sum(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  const detail::ReducePlan plan("sum", x.shape(), dims, keepdim);
  return record("sum", detail::reduced<T>(kernels::Sum<T>{}, plan, x), {x},
                [mask = plan.mask, to = x.shape()](const Tensor<T>& g, Slots<T>& into) {
                  into.add(0, detail::spread(g, mask, to));
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::sum(const Dims& dims, bool keepdim) const {
  return shunt::sum(*this, dims, keepdim);
}

/// Arithmetic mean over `dims`; NaN of nothing.
template <Real T>
Tensor<T> mean(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  const detail::ReducePlan plan("mean", x.shape(), dims, keepdim);
  const auto count = detail::convert<accumulate_t<T>>(static_cast<double>(plan.count));
  return record("mean", detail::reduced<T>(detail::Mean<T>{{}, count}, plan, x), {x},
                [mask = plan.mask, to = x.shape(), count](const Tensor<T>& g, Slots<T>& into) {
                  into.map_last(0, detail::DivNumber<accumulate_t<T>>{count}, detail::spread(g, mask, to));
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::mean(const Dims& dims, bool keepdim) const {
  return shunt::mean(*this, dims, keepdim);
}

namespace detail {

/// The gradient where the extreme value is a NaN: 0, shared among the NaNs, or a NaN for all. PyTorch has the first for
/// norms, the second for max(x), the third for amax.
enum class NanGrad { zero, shared, nan };

/// g over the number of elements that equal the extreme value y, where x is one of them. Nothing but a NaN makes a NaN
/// of the others.
struct ShareGrad {
  template <class T>
  T operator()(T g, T x, T y, T ties) const {
    return x == y ? static_cast<T>(g / ties) : static_cast<T>(T(0) * ties);
  }
};
template <class T>
struct CountEqual : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  static Acc map(Acc x, Acc y) { return Acc(x == y ? 1 : 0); }
};
/// The number g shared evenly among the NaNs of x.
template <Scalar T>
Tensor<T> share_among_nans(const Tensor<T>& g, const Tensor<T>& x) {
  const auto in = dense(x);
  const auto dx = Tensor<T>::empty(x.shape());
  const auto is_nan = [](T v) { return v != v; };
  const auto count = std::count_if(in.data(), in.data() + in.numel(), is_nan);
  const T share = static_cast<T>(g.item() / convert<T>(static_cast<double>(count)));
  std::transform(in.data(), in.data() + in.numel(), dx.data(), [&](T v) { return is_nan(v) ? share : T(0); });
  return dx;
}

template <Scalar T, class R>
Tensor<T> extreme(const char* op, const R& r, const Tensor<T>& x, const Dims& dims, bool keepdim, NanGrad nan) {
  const ReducePlan plan(op, x.shape(), dims, keepdim);
  if (plan.count == 0) raise<ShapeError>(op, ": of no elements, in ", x.shape());
  auto y = reduced<T>(r, plan, x);
  return record(op, y, {x}, [x = save(x), y = save(y), plan, op, nan](const Tensor<T>& g, Slots<T>& into) {
    const auto in = x.get(op), extremes = reshape(y.get(op), plan.kept);
    if (nan == NanGrad::shared && extremes.data()[0] != extremes.data()[0]) return into.add(0, share_among_nans(g, in));
    auto ties = Tensor<T>::empty(plan.kept);
    reduce_into(CountEqual<T>{}, false, ties, in, extremes);
    if (nan == NanGrad::nan)
      for (std::int64_t i = 0; i < ties.numel(); ++i)
        if (extremes.data()[i] != extremes.data()[i]) ties.data()[i] = extremes.data()[i];
    into.add(0, map<T>(op, ShareGrad{}, reshape(g, plan.kept), in, extremes, ties));
  });
}

}  // namespace detail

/// The largest value over `dims`, a NaN before all; equal ones share the gradient. ShapeError of no elements.
template <Scalar T>
Tensor<T> amax(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  return detail::extreme("amax", detail::Max<T>{}, x, dims, keepdim, detail::NanGrad::nan);
}
template <Scalar T>
Tensor<T> Tensor<T>::amax(const Dims& dims, bool keepdim) const {
  return shunt::amax(*this, dims, keepdim);
}
/// The largest of all values; equal ones share the gradient.
template <Scalar T>
Tensor<T> max(const Tensor<T>& x) {
  return detail::extreme("max", detail::Max<T>{}, x, {}, false, detail::NanGrad::shared);
}
template <Scalar T>
Tensor<T> Tensor<T>::max() const {
  return shunt::max(*this);
}

/// The smallest value over `dims`, a NaN before all; equal ones share the gradient. ShapeError of no elements.
template <Scalar T>
Tensor<T> amin(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  return detail::extreme("amin", detail::Min<T>{}, x, dims, keepdim, detail::NanGrad::nan);
}
template <Scalar T>
Tensor<T> Tensor<T>::amin(const Dims& dims, bool keepdim) const {
  return shunt::amin(*this, dims, keepdim);
}
/// The smallest of all values; equal ones share the gradient.
template <Scalar T>
Tensor<T> min(const Tensor<T>& x) {
  return detail::extreme("min", detail::Min<T>{}, x, {}, false, detail::NanGrad::shared);
}
template <Scalar T>
Tensor<T> Tensor<T>::min() const {
  return shunt::min(*this);
}

namespace detail {

/// x[i] replaced by the product of the line's other elements, from those before it and those behind it: right where
/// some are 0, and in forward mode.
template <Real T>
Tensor<accumulate_t<T>> products_of_others(const Tensor<T>& x, const kernels::Along& along) {
  using A = accumulate_t<T>;
  const auto in = dense(x);
  const auto others = Tensor<A>::empty(x.shape());
  kernels::for_lines(along, along.n, [&](std::int64_t, std::int64_t begin) {
    const T* from = in.data() + begin;
    A *to = others.data() + begin, before(1), behind(1);
    for (std::int64_t k = 0; k < along.n; ++k) {
      to[k * along.inner] = before;
      before *= static_cast<A>(from[k * along.inner]);
    }
    for (std::int64_t k = along.n - 1; k >= 0; --k) {
      to[k * along.inner] *= behind;
      behind *= static_cast<A>(from[k * along.inner]);
    }
  });
  return others;
}

template <Scalar T>
Tensor<T> product(const Tensor<T>& x, const ReducePlan& plan, [[maybe_unused]] const kernels::Along& along) {
  auto y = reduced<T>(Product<T>{}, plan, x);
  if constexpr (!Real<T>)
    return y;
  else
    return record("prod", y, {x}, [x = save(x), mask = plan.mask, along](const Tensor<T>& g, Slots<T>& into) {
      if (!into.wants(0)) return;
      const auto in = x.get("prod");
      into.map(0, kernels::Mul{}, spread(g, mask, in.shape()), products_of_others(in, along));
    });
}

}  // namespace detail

/// The product of all elements.
template <Scalar T>
Tensor<T> prod(const Tensor<T>& x) {
  return detail::product(x, {"prod", x.shape(), {}, false}, {1, x.numel(), 1});
}
/// The product over `dim`.
template <Scalar T>
Tensor<T> prod(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::product(x, {"prod", x.shape(), dim, keepdim}, detail::along("prod", x.shape(), dim));
}
template <Scalar T>
Tensor<T> Tensor<T>::prod() const {
  return shunt::prod(*this);
}
template <Scalar T>
Tensor<T> Tensor<T>::prod(std::int64_t dim, bool keepdim) const {
  return shunt::prod(*this, dim, keepdim);
}

}  // namespace shunt
