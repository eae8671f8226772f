// Reductions: one value of many, over the dimensions named, or over all.
#pragma once

#include "shunt/autograd/record.hpp"
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

/// The reduction r of x (and further inputs of its shape) as a fresh tensor of the plan's result shape.
template <Scalar O, class R, Scalar T, Scalar... I>
Tensor<O> reduced(const R& r, const ReducePlan& plan, const Tensor<T>& x, const Tensor<I>&... in) {
  auto y = Tensor<O>::empty(plan.kept);
  reduce_into(r, false, y, x, in...);
  return y.alias(y.data(), plan.result, dense_strides(plan.result));
}
/// g, which has the result's shape, with the reduced dimensions back as 1, expanded to x's shape.
template <Scalar T>
Tensor<T> spread(const Tensor<T>& g, const Shape& kept, const Shape& to) {
  return expand(reshape(g, kept), to);
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
    if constexpr (L::has_infinity) return -L::infinity();
    else return L::lowest();
  }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return b > a || b != b ? b : a; }  // a NaN stays
  static Acc finish(Acc a) { return a; }
};
template <class T>
struct SumOfSquares {
  using Acc = accumulate_t<T>;
  static Acc identity() { return Acc(0); }
  static Acc map(Acc x) { return x * x; }
  static Acc combine(Acc a, Acc b) { return a + b; }
  static Acc finish(Acc a) { return a; }
};

}  // namespace detail

/// Sum over `dims`. bfloat16 is summed in float.
template <Scalar T>
Tensor<T> sum(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  const detail::ReducePlan plan("sum", x.shape(), dims, keepdim);
  return record("sum", detail::reduced<T>(kernels::Sum<T>{}, plan, x), {x},
                [kept = plan.kept, to = x.shape()](const Tensor<T>& g, Slots<T>& into) {
                  into.add(0, detail::spread(g, kept, to));
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
                [kept = plan.kept, to = x.shape(), count](const Tensor<T>& g, Slots<T>& into) {
                  into.map_last(0, detail::DivNumber<accumulate_t<T>>{count}, detail::spread(g, kept, to));
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::mean(const Dims& dims, bool keepdim) const {
  return shunt::mean(*this, dims, keepdim);
}

namespace detail {

/// g over the number of elements that equal the extreme value y, where x is one of them.
struct ShareGrad {
  template <class T>
  T operator()(T g, T x, T y, T ties) const {
    return x == y ? static_cast<T>(g / ties) : T(0);
  }
};
template <class T>
struct CountEqual : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  static Acc map(Acc x, Acc y) { return Acc(x == y ? 1 : 0); }
};

template <Scalar T, class R>
Tensor<T> extreme(const char* op, const R& r, const Tensor<T>& x, const Dims& dims, bool keepdim) {
  const ReducePlan plan(op, x.shape(), dims, keepdim);
  if (plan.count == 0) raise<ShapeError>(op, ": of no elements, in ", x.shape());
  auto y = reduced<T>(r, plan, x);
  return record(op, y, {x}, [x = save(x), y = save(y), plan, op](const Tensor<T>& g, Slots<T>& into) {
    const auto in = x.get(op), extremes = reshape(y.get(op), plan.kept);
    auto ties = Tensor<T>::empty(plan.kept);
    reduce_into(CountEqual<T>{}, false, ties, in, extremes);
    into.add(0, map<T>(op, ShareGrad{}, reshape(g, plan.kept), in, extremes, ties));
  });
}

}  // namespace detail

/// The largest value over `dims`; equal ones share the gradient.
template <Scalar T>
Tensor<T> amax(const Tensor<T>& x, const Dims& dims = {}, bool keepdim = false) {
  return detail::extreme("amax", detail::Max<T>{}, x, dims, keepdim);
}
template <Scalar T>
Tensor<T> Tensor<T>::amax(const Dims& dims, bool keepdim) const {
  return shunt::amax(*this, dims, keepdim);
}
/// The largest of all values; equal ones share the gradient.
template <Scalar T>
Tensor<T> max(const Tensor<T>& x) {
  return amax(x);
}
template <Scalar T>
Tensor<T> Tensor<T>::max() const {
  return shunt::amax(*this);
}

namespace detail {

/// The root of a sum of squares.
template <class T>
struct Norm2 : SumOfSquares<T> {
  using Acc = accumulate_t<T>;
  static Acc finish(Acc a) { return kernels::math::sqrt(a); }
};
/// g x / y, 0 where the norm y is 0.
struct Norm2Grad {
  template <class T>
  T operator()(T g, T x, T y) const {
    return y == T(0) ? T(0) : static_cast<T>(g * x / y);
  }
};

}  // namespace detail

/// Euclidean length over `dims`; its gradient at 0 is 0.
template <Real T>
Tensor<T> norm(const Tensor<T>& x, double p = 2, const Dims& dims = {}, bool keepdim = false) {
  if (p != 2) detail::raise<ValueError>("norm: p = ", p, " is not supported");
  const detail::ReducePlan plan("norm", x.shape(), dims, keepdim);
  auto y = detail::reduced<T>(detail::Norm2<T>{}, plan, x);
  return record("norm", y, {x}, [x = save(x), y = save(y), plan](const Tensor<T>& g, Slots<T>& into) {
    into.add(0, detail::map<T>("norm", detail::Norm2Grad{}, reshape(g, plan.kept), x.get("norm"),
                               reshape(y.get("norm"), plan.kept)));
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::norm(double p, const Dims& dims, bool keepdim) const {
  return shunt::norm(*this, p, dims, keepdim);
}

}  // namespace shunt
