// The kernels' strided loops on tensors: pointwise maps and reductions, without history.
#pragma once

#include "shunt/core/tensor.hpp"
#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/reduce.hpp"

namespace shunt::detail {

/// The strides of x when it is broadcast to `shape` (whose rank is at least its own): 0 along what is repeated.
template <Scalar T>
Shape strides_in(const Tensor<T>& x, const Shape& shape) {
  Shape s = Shape::filled(shape.rank(), 0);
  const int shift = shape.rank() - x.rank();
  for (int d = 0; d < x.rank(); ++d)
    if (x.shape()[d] != 1 || shape[d + shift] == 1) s[d + shift] = x.strides()[d];
  return s;
}

/// out = f(in...); every input broadcasts to out's shape.
template <class F, Scalar O, Scalar... I>
void map_into(const F& f, const Tensor<O>& out, const Tensor<I>&... in) {
  const bool flat = out.is_contiguous() && ((in.is_contiguous() && in.shape() == out.shape()) && ...);
  kernels::map(f,
               flat ? kernels::flat_nest(out.numel(), 1 + sizeof...(I))
                    : kernels::make_nest(out.shape(), {out.strides(), strides_in(in, out.shape())...}),
               out.data(), in.data()...);
}

/// A fresh f(in...), of the inputs' broadcast shape; `op` names the operation if they do not broadcast.
template <Scalar O, class F, Scalar First, Scalar... I>
Tensor<O> map([[maybe_unused]] const char* op, const F& f, const Tensor<First>& first, const Tensor<I>&... in) {
  Shape shape = first.shape();
  ((shape = broadcast(op, shape, in.shape())), ...);
  auto out = Tensor<O>::empty(shape);
  map_into(f, out, first, in...);
  return out;
}

/// `shape` with the dimensions of `mask` kept as 1, or dropped.
inline Shape reduced_shape(const Shape& shape, std::uint32_t mask, bool keepdim) {
  Shape s;
  for (int d = 0; d < shape.rank(); ++d) {
    if (!(mask >> d & 1u)) s.push_back(shape[d]);
    else if (keepdim) s.push_back(1);
  }
  return s;
}

/// out (+)= reduction of in... over every dimension in which out has size 1 or, being of lower rank, none. All inputs
/// have one shape, or broadcast to the first's.
template <class R, Scalar O, Scalar First, Scalar... I>
void reduce_into(const R& r, bool accumulate, const Tensor<O>& out, const Tensor<First>& first,
                 const Tensor<I>&... in) {
  const Shape& shape = first.shape();
  Shape to = strides_in(out, shape);
  const int shift = shape.rank() - out.rank();
  for (int d = 0; d < shape.rank(); ++d)
    if (d < shift || out.shape()[d - shift] == 1) to[d] = 0;
  kernels::reduce(r, kernels::make_nest(shape, {first.strides(), strides_in(in, shape)..., to}),
                  accumulate, out.data(), first.data(), in.data()...);
}

/// The sum of g over what was broadcast, as a fresh tensor of `shape`.
template <Scalar T>
Tensor<T> sum_to(const Tensor<T>& g, const Shape& shape) {
  auto out = Tensor<T>::empty(shape);
  reduce_into(kernels::Sum<T>{}, false, out, g);
  return out;
}

template <Scalar T>
struct Copy {
  template <class U>
  T operator()(U x) const {
    return convert<T>(x);
  }
};
template <Scalar T>
struct Constant {
  T v;
  T operator()(T) const { return v; }
};
struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a + b);
  }
};

/// The elements of x in a dense buffer of their own.
template <Scalar T>
Tensor<T> copy_of(const Tensor<T>& x) {
  return map<T>("clone", Copy<T>{}, x);
}
/// x itself if it is dense, else a dense copy.
template <Scalar T>
Tensor<T> dense(const Tensor<T>& x) {
  return x.is_contiguous() ? x : copy_of(x);
}

}  // namespace shunt::detail
