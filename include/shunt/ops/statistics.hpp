// Variance, standard deviation and vector norms, over the dimensions named, or over all.
#pragma once

#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"

namespace shunt {
namespace detail {

/// A square root with derivative 0 at 0, so that constants have one.
template <class A>
A root(A a) {
  return a == A(0) ? A(0) : kernels::math::sqrt(a);
}

/// The sum of squared distances to the mean, over `divisor`.
template <class T>
struct Variance : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  Acc divisor;
  static Acc map(Acc x, Acc mean) { return (x - mean) * (x - mean); }
  Acc finish(Acc a) const { return a / divisor; }
};
template <class T>
struct Deviation : Variance<T> {
  using Acc = accumulate_t<T>;
  Acc finish(Acc a) const { return root(static_cast<Acc>(a / this->divisor)); }
};
template <class A>
struct VarianceGrad {
  A divisor;
  A operator()(A g, A x, A mean) const { return g * (A(2) * (x - mean) / divisor); }
};
/// 0 where the deviation y is 0.
template <class A>
struct DeviationGrad {
  A divisor;
  A operator()(A g, A x, A mean, A y) const { return y == A(0) ? A(0) : g * ((x - mean) / (divisor * y)); }
};

/// Squared distances to the mean, in two passes: the mean is known before the first square is made.
template <Real T>
struct Spread {
  using A = accumulate_t<T>;
  Spread(const char* op, const Tensor<T>& x, const Dims& dims, VarOptions options)
      : plan(op, x.shape(), dims, options.keepdim), mean(Tensor<A>::empty(plan.kept)) {
    const auto n = static_cast<double>(plan.count);
    divisor = convert<A>(options.unbiased ? std::max(n - 1, 0.0) : n);
    reduce_into(Mean<T>{{}, convert<A>(n)}, false, mean, x);
  }
  ReducePlan plan;
  Tensor<A> mean;
  A divisor;
};

}  // namespace detail

/// Variance over `dims`. Unbiased by default: over n - 1, so NaN of one element.
template <Real T>
Tensor<T> var(const Tensor<T>& x, const Dims& dims = {}, VarOptions options = {}) {
  const detail::Spread<T> s("var", x, dims, options);
  return record(
      "var", detail::reduced<T>(detail::Variance<T>{{}, s.divisor}, s.plan, x, s.mean), {x},
      [x = save(x), mean = save(s.mean), mask = s.plan.mask, divisor = s.divisor](const Tensor<T>& g, Slots<T>& into) {
        if (!into.wants(0)) return;
        const auto in = x.get("var");
        into.map(0, detail::VarianceGrad<accumulate_t<T>>{divisor}, detail::spread(g, mask, in.shape()), in,
                 expand(mean.get("var"), in.shape()));
      });
}
template <Scalar T>
Tensor<T> Tensor<T>::var(const Dims& dims, VarOptions options) const {
  return shunt::var(*this, dims, options);
}

/// Standard deviation over `dims`: the root of var, with gradient 0 where all elements are equal.
template <Real T>
Tensor<T> std(const Tensor<T>& x, const Dims& dims = {}, VarOptions options = {}) {
  const detail::Spread<T> s("std", x, dims, options);
  const auto y = detail::reduced<T>(detail::Deviation<T>{{{}, s.divisor}}, s.plan, x, s.mean);
  return record("std", y, {x},
                [x = save(x), y = save(y), mean = save(s.mean), mask = s.plan.mask, divisor = s.divisor](
                    const Tensor<T>& g, Slots<T>& into) {
                  if (!into.wants(0)) return;
                  const auto in = x.get("std");
                  into.map(0, detail::DeviationGrad<accumulate_t<T>>{divisor}, detail::spread(g, mask, in.shape()), in,
                           expand(mean.get("std"), in.shape()), detail::spread(y.get("std"), mask, in.shape()));
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::std(const Dims& dims, VarOptions options) const {
  return shunt::std(*this, dims, options);
}

namespace detail {

template <class T>
struct Norm2 : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  static Acc map(Acc x) { return x * x; }
  static Acc finish(Acc a) { return root(a); }
};
/// How many are not 0, for p = 0.
template <class T>
struct NormP : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  Acc p;
  Acc map(Acc x) const { return p == Acc(0) && x == Acc(0) ? Acc(0) : kernels::math::pow(Abs{}(x), p); }
  Acc finish(Acc a) const {
    return p == Acc(0) || (a == Acc(0) && p > Acc(0)) ? a : kernels::math::pow(a, static_cast<Acc>(Acc(1) / p));
  }
};
struct Norm2Grad {
  template <class T>
  T operator()(T g, T x, T y) const {
    return y == T(0) ? T(0) : static_cast<T>(g * x / y);
  }
};
/// g sign(x) (|x| / y)^(p - 1), 0 where x is 0.
template <class A>
struct NormPGrad {
  A p;
  A operator()(A g, A x, A y) const {
    const A size = x < A(0) ? static_cast<A>(-x) : x;
    const A slope = g * kernels::math::pow(static_cast<A>(size / y), static_cast<A>(p - A(1)));
    return x == A(0) || p == A(0) ? A(0) : x < A(0) ? static_cast<A>(-slope) : slope;
  }
};
/// The largest, or with sign = -1 the smallest.
template <class T>
struct Outermost : Max<T> {
  using Acc = accumulate_t<T>;
  Acc sign;
  Acc map(Acc x) const { return sign * x; }
  Acc finish(Acc a) const { return sign * a; }
};

template <Real T, class R, class DF>
Tensor<T> norm_of(const R& r, const DF& df, const Tensor<T>& x, const ReducePlan& plan) {
  const auto y = reduced<T>(r, plan, x);
  return record("norm", y, {x}, [x = save(x), y = save(y), mask = plan.mask, df](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    const auto in = x.get("norm");
    into.map(0, df, spread(g, mask, in.shape()), in, spread(y.get("norm"), mask, in.shape()));
  });
}

}  // namespace detail

/// The root of the sum of squares of all elements, with gradient 0 at 0. Apart from the general norm, whose many loops
/// a program that asks for this one need not compile.
template <Real T>
Tensor<T> norm(const Tensor<T>& x) {
  const detail::ReducePlan all("norm", x.shape(), {}, false);
  return detail::norm_of(detail::Norm2<T>{}, detail::Norm2Grad{}, x, all);
}
template <Scalar T>
Tensor<T> Tensor<T>::norm() const {
  return shunt::norm(*this);
}
/// (sum |x|^p)^(1/p) over `dims`; p may be 0 (how many are not 0) and plus or minus infinity (the largest and the
/// smallest size). Its gradient at 0 is 0.
template <Real T>
Tensor<T> norm(const Tensor<T>& x, double p, const Dims& dims = {}, bool keepdim = false) {
  using A = accumulate_t<T>;
  if (p == 1) return sum(abs(x), dims, keepdim);
  if (std::isinf(p))
    return detail::extreme("norm", detail::Outermost<T>{{}, A(p > 0 ? 1 : -1)}, abs(x), dims, keepdim,
                           detail::NanGrad::zero);
  const detail::ReducePlan plan("norm", x.shape(), dims, keepdim);
  if (p == 2) return detail::norm_of(detail::Norm2<T>{}, detail::Norm2Grad{}, x, plan);
  const A power = detail::convert<A>(plan.count == 0 ? 0 : p);  // of nothing it is 0, for a negative p too
  return detail::norm_of(detail::NormP<T>{{}, power}, detail::NormPGrad<A>{power}, x, plan);
}
template <Scalar T>
Tensor<T> Tensor<T>::norm(double p, const Dims& dims, bool keepdim) const {
  return shunt::norm(*this, p, dims, keepdim);
}

}  // namespace shunt
