// The kernels' strided loops on tensors: pointwise maps and reductions, without history.
#pragma once

#include <initializer_list>
#include <span>

#include "shunt/core/tensor.hpp"
#include "shunt/kernels/copy.hpp"
#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/reduce.hpp"

namespace shunt::detail {

/// The strides of x when it is broadcast to `shape` (whose rank is at least its own): 0 along what is repeated.
inline Shape strides_in(const Body& x, const Shape& shape) {
  Shape s = Shape::filled(shape.rank(), 0);
  const int shift = shape.rank() - x.shape.rank();
  for (int d = 0; d < x.shape.rank(); ++d)
    if (x.shape[d] != 1 || shape[d + shift] == 1) s[d + shift] = x.strides[d];
  return s;
}
template <Scalar T>
Shape strides_in(const Tensor<T>& x, const Shape& shape) {
  return strides_in(x.body(), shape);
}

/// A tensor whose scalar type only the inner loop knows: what the loops are cut from, once for all kernels.
struct ErasedTensor {
  template <Scalar T>
  ErasedTensor(const Tensor<T>& x) : body(&x.body()), size(sizeof(T)) {}
  kernels::Erased erased() const { return {static_cast<std::byte*>(body->data), size}; }

  const Body* body;
  std::size_t size;
};

/// out = f(in...), or with `add` out += f(in...), where `loop` is f's inner loop.
[[gnu::noinline]] inline void run_map(kernels::MapLoop loop, kernels::MapLoop add, const void* f,
                                      const ErasedTensor& out, std::initializer_list<ErasedTensor> in) {
  const Shape& shape = out.body->shape;
  kernels::Erased ops[kernels::max_operands] = {out.erased()};
  bool flat = out.body->dense;
  int count = 1;
  for (const auto& t : in) {
    ops[count++] = t.erased();
    flat = flat && t.body->dense && t.body->shape == shape;
  }
  if (flat) return kernels::run_map(kernels::flat_nest(shape.numel(), count), loop, add, f, ops);
  Shape strides[kernels::max_operands] = {strides_in(*out.body, shape)};
  for (int k = 1; k < count; ++k) strides[k] = strides_in(*in.begin()[k - 1].body, shape);
  kernels::run_map(kernels::make_nest(shape, {strides, static_cast<std::size_t>(count)}), loop, add, f, ops);
}

/// out = f(in...); every input broadcasts to out's shape.
template <class F, Scalar O, Scalar... I>
void map_into(const F& f, const Tensor<O>& out, const Tensor<I>&... in) {
  static_assert(1 + sizeof...(I) <= kernels::max_operands);
  run_map(kernels::map_loop<F, O, I...>(), nullptr, &f, out, {in...});
}

/// out = in, of the same scalar type.
[[gnu::noinline]] inline void run_copy(const ErasedTensor& out, const ErasedTensor& in) {
  const Body &to = *out.body, &from = *in.body;
  const bool flat = to.dense && from.dense && to.shape == from.shape;
  kernels::copy(flat ? kernels::flat_nest(to.shape.numel(), 2)
                     : kernels::make_nest(to.shape, {strides_in(to, to.shape), strides_in(from, to.shape)}),
                out.erased().data, in.erased().data, out.size);
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a + b);
  }
};

[[gnu::noinline]] inline Shape broadcast_all(const char* op, std::initializer_list<ErasedTensor> tensors) {
  Shape shape;
  for (const auto& t : tensors)
    shape = t.body == tensors.begin()->body ? t.body->shape : broadcast(op, shape, t.body->shape);
  return shape;
}

/// A fresh result of the inner loop `loop` of f.
template <Scalar O>
[[gnu::noinline]] Tensor<O> run_map_fresh(const char* op, kernels::MapLoop loop, const void* f,
                                          std::initializer_list<ErasedTensor> in) {
  auto out = Tensor<O>::empty(broadcast_all(op, in));
  run_map(loop, nullptr, f, out, in);
  return out;
}
/// A fresh f(in...), of the inputs' broadcast shape; `op` names the operation if they do not broadcast.
template <Scalar O, class F, Scalar... I>
Tensor<O> map(const char* op, const F& f, const Tensor<I>&... in) {
  static_assert(1 + sizeof...(I) <= kernels::max_operands);
  return run_map_fresh<O>(op, kernels::map_loop<F, O, I...>(), &f, {in...});
}

/// `shape` with the dimensions of `mask` kept as 1, or dropped.
inline Shape reduced_shape(const Shape& shape, std::uint32_t mask, bool keepdim) {
  Shape s;
  for (int d = 0; d < shape.rank(); ++d) {
    if (!(mask >> d & 1u))
      s.push_back(shape[d]);
    else if (keepdim)
      s.push_back(1);
  }
  return s;
}

/// The loops of a reduction of `inputs`, broadcast to the first one's shape, to `out`.
[[gnu::noinline]] inline kernels::Nest reduce_nest(std::initializer_list<ErasedTensor> inputs,
                                                   const ErasedTensor& out) {
  const Shape& shape = inputs.begin()->body->shape;
  Shape strides[kernels::max_operands];
  std::size_t count = 0;
  for (const auto& t : inputs) strides[count++] = strides_in(*t.body, shape);
  Shape& to = strides[count++] = strides_in(*out.body, shape);
  const int shift = shape.rank() - out.body->shape.rank();
  for (int d = 0; d < shape.rank(); ++d)
    if (d < shift || out.body->shape[d - shift] == 1) to[d] = 0;
  return kernels::make_nest(shape, {strides, count});
}

/// out (+)= reduction of in... over every dimension in which out has size 1 or, being of lower rank, none. All inputs
/// have one shape, or broadcast to the first's.
template <class R, Scalar O, Scalar First, Scalar... I>
void reduce_into(const R& r, bool accumulate, const Tensor<O>& out, const Tensor<First>& first,
                 const Tensor<I>&... in) {
  kernels::reduce(r, reduce_nest({first, in...}, out), accumulate, out.data(), first.data(), in.data()...);
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

/// out = x, which broadcasts to out's shape.
template <Scalar O, Scalar T>
void copy_into(const Tensor<O>& out, const Tensor<T>& x) {
  if constexpr (std::same_as<O, T>)
    run_copy(out, x);
  else
    map_into(Copy<O>{}, out, x);
}
/// The elements of x in a dense buffer of their own.
template <Scalar T>
Tensor<T> copy_of(const Tensor<T>& x) {
  auto y = Tensor<T>::empty(x.shape());
  run_copy(y, x);
  return y;
}
/// x itself if it is dense, else a dense copy.
template <Scalar T>
Tensor<T> dense(const Tensor<T>& x) {
  return x.is_contiguous() ? x : copy_of(x);
}

}  // namespace shunt::detail
