// Matrix products by PyTorch's rules, and the affine map of a linear layer.
#pragma once

#include <tuple>
#include <utility>

#include "shunt/kernels/fetch.hpp"
#include "shunt/kernels/gemm.hpp"
#include "shunt/ops/flops.hpp"
#include "shunt/ops/skip.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// A stack of matrices inside a tensor: the last two dimensions, as a GEMM operand reads them.
template <Scalar T>
kernels::Operand<T> operand(const Tensor<T>& x) {
  const int r = x.rank();
  return {x.data(), x.strides()[r - 2], x.strides()[r - 1]};
}
template <Scalar T>
kernels::Operand<T> transposed(const Tensor<T>& x) {
  const auto [data, row, col] = operand(x);
  return {data, col, row};
}

/// out (+)= a b, a (..., m, k), b (..., k, n), leading dimensions broadcast to those of out, which is dense.
template <Scalar T>
void gemm_into(const Tensor<T>& out, bool accumulate, const Tensor<T>& a, const Tensor<T>& b) {
  const int r = out.rank();
  const std::int64_t m = out.size(-2), n = out.size(-1), k = a.size(-1);
  if (out.numel() == 0) return;
  const auto pa = operand(a), pb = operand(b);
  if (r == 2) return kernels::gemm<T>(m, n, k, pa, pb, out.data(), n, {.accumulate = accumulate});
  Shape lead(out.shape().begin(), out.shape().end() - 2);
  const auto lead_strides = [&](const Tensor<T>& x) {
    Shape shape = lead;
    shape.push_back(x.size(-2));
    shape.push_back(x.size(-1));
    Shape s = strides_in(x, shape);
    return Shape(s.begin(), s.end() - 2);
  };
  // Batches that every operand steps through evenly go to the kernel as one loop; the rest are walked here.
  const auto nest = kernels::make_nest(lead, {dense_strides(lead), lead_strides(a), lead_strides(b)});
  kernels::NestWalk at(nest, 0, 0);
  for (std::int64_t row = 0; row < nest.rows(); ++row, at.next())
    kernels::gemm_batched<T>(nest.inner(), m, n, k, {pa.data + at[1], pa.row, pa.col}, nest.inner_stride(1),
                             {pb.data + at[2], pb.row, pb.col}, nest.inner_stride(2), out.data() + at[0] * m * n, n,
                             nest.inner_stride(0) * m * n, accumulate);
}

/// Adds a b, summed over broadcast batches, to slot i.
template <Scalar T>
void add_product(Slots<T>& into, std::size_t i, const Tensor<T>& a, const Tensor<T>& b) {
  if (!into.wants(i)) return;
  Shape shape =
      broadcast("matmul", Shape(a.shape().begin(), a.shape().end() - 2), Shape(b.shape().begin(), b.shape().end() - 2));
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  if (shape == into.shape(i)) {
    auto [out, accumulate] = into.target(i);
    gemm_into(out, accumulate, a, b);
  } else {
    auto out = Tensor<T>::empty(shape);
    gemm_into(out, false, a, b);
    into.add(i, out);
  }
}

/// x (..., n) as a matrix of rows.
template <Scalar T>
Tensor<T> as_rows(const Tensor<T>& x) {
  if (x.rank() == 2) return x;
  return reshaped(x, {Shape(x.shape().begin(), x.shape().end() - 1).numel(), x.size(-1)});
}

}  // namespace detail

/// Matrix product. a (..., m, k), b (..., k, n) -> (..., m, n); leading dimensions broadcast. A vector on the left is a
/// row, on the right a column, and its dimension is gone from the result. ShapeError where sizes do not meet.
template <Scalar T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.rank() == 0 || b.rank() == 0)
    detail::raise<ShapeError>("matmul: needs at least one dimension: ", a.shape(), " x ", b.shape());
  if (a.rank() == 1 || b.rank() == 1) {
    const auto y = matmul(a.rank() == 1 ? unsqueeze(a, 0) : a, b.rank() == 1 ? unsqueeze(b, 1) : b);
    return b.rank() > 1 ? squeeze(y, -2) : a.rank() > 1 ? squeeze(y, -1) : reshape(y, {});
  }
  if (a.size(-1) != b.size(-2)) detail::raise<ShapeError>("matmul: inner sizes differ: ", a.shape(), " x ", b.shape());
  if (a.rank() > 2 && b.rank() == 2) {  // one product of all rows
    Shape shape = a.shape();
    shape[a.rank() - 1] = b.size(-1);
    const auto rows = Shape(a.shape().begin(), a.shape().end() - 1).numel();
    return reshape(matmul(reshape(a, {rows, a.size(-1)}), b), shape);
  }
  Shape shape = detail::broadcast("matmul", Shape(a.shape().begin(), a.shape().end() - 2),
                                  Shape(b.shape().begin(), b.shape().end() - 2));
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  auto y = Tensor<T>::empty(shape);
  detail::count_multiply_adds(static_cast<double>(y.numel()) * static_cast<double>(a.size(-1)));
  detail::gemm_into(y, false, a, b);
  return record("matmul", y, {a, b}, [a = save(a), b = save(b)](const Tensor<T>& g, Slots<T>& into) {
    detail::add_product(into, 0, g, b.get("matmul").mT());  // dA += G B^T
    detail::add_product(into, 1, a.get("matmul").mT(), g);  // dB += A^T G
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::matmul(const Tensor& other) const {
  return shunt::matmul(*this, other);
}

/// Products of two stacks of matrices: (b, m, k), (b, k, n) -> (b, m, n). Nothing is broadcast.
template <Scalar T>
Tensor<T> bmm(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.rank() != 3 || b.rank() != 3 || a.size(0) != b.size(0) || a.size(2) != b.size(1))
    detail::raise<ShapeError>("bmm: needs (b, m, k) and (b, k, n), got ", a.shape(), " and ", b.shape());
  return matmul(a, b);
}

namespace detail {

/// Another way to multiply by a weight that stays as it is: its storage carries it (nn/product_plan.hpp).
template <Scalar T>
struct ProductPlan : Memory {
  /// y (rows, out) = base + x w^T + bias, the last two where they are not null; false if that is not what it is for.
  virtual bool run(const Tensor<T>& w, const Tensor<T>& x, const T* bias, const T* base, T* y) = 0;
};

template <Scalar T>
std::size_t bytes_of(const Tensor<T>& x) {
  return static_cast<std::size_t>(x.numel()) * sizeof(T);
}
/// The weights that products read last. Their order repeats from step to step, and is turned round in backward, so that
/// each can ask for the one whose turn is next while it multiplies: by an address, which may be out of date.
struct LastWeights {
  const void *forward = nullptr, *backward = nullptr;

  static LastWeights& of_thread() {
    static thread_local LastWeights last;
    return last;
  }
};

}  // namespace detail

/// base + x w^T + b: x (..., in), w (out, in), b (out,) -> (..., out). b and base may hold nothing; base, of the
/// result's shape, is what a skip brings, and is added while the product's tile is in registers.
template <Scalar T>
Tensor<T> linear_onto(const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b) {
  if (w.rank() != 2) detail::raise<ShapeError>("linear: weight must be (out, in), got ", w.shape());
  if (x.rank() == 0 || x.size(-1) != w.size(1))
    detail::raise<ShapeError>("linear: expected last dimension ", w.size(1), ", got input ", x.shape());
  if (b.defined() && b.shape() != Shape{w.size(0)})
    detail::raise<ShapeError>("linear: bias must be (", w.size(0), ",), got ", b.shape());
  Shape shape = x.shape();
  shape[x.rank() - 1] = w.size(0);
  if (base.defined()) detail::check_skip(base.shape(), shape);

  const auto rows = detail::as_rows(x);
  const auto skip = base.defined() ? detail::dense(base) : base;
  const auto bias = b.defined() ? detail::dense(b) : b;
  auto y = Tensor<T>::empty(shape);
  detail::count_multiply_adds(static_cast<double>(rows.size(0)) * static_cast<double>(w.numel()));
  const T *const bias_data = bias.defined() ? bias.data() : nullptr, *const base_data =
                                                                         skip.defined() ? skip.data() : nullptr;
  auto& next = w.body().storage->next_weight;
  const void* const before = std::exchange(detail::LastWeights::of_thread().forward, w.data());
  auto* const plan = static_cast<detail::ProductPlan<T>*>(w.body().storage->plan.get());
  if (plan == nullptr || !plan->run(w, rows, bias_data, base_data, y.data())) {
    kernels::fetch(w.data(), w.is_contiguous() ? w.numel() : 0);
    kernels::gemm<T>(rows.size(0), w.size(0), w.size(1), detail::operand(rows), detail::transposed(w), y.data(),
                     w.size(0), {.bias = bias_data, .base = base_data, .base_row = w.size(0)},
                     {next.load(std::memory_order_relaxed), detail::bytes_of(w)});
  }
  auto backward = [x = save(rows), w = save(w), before](const Tensor<T>& g, Slots<T>& into) {
    into.add(3, g);
    const auto dy = detail::as_rows(g);
    const std::int64_t n = dy.size(0), out = dy.size(1);
    const auto weight = into.wants(0) ? w.get("linear") : Tensor<T>();
    const auto in = into.wants(1) ? x.get("linear") : Tensor<T>();
    Tensor<T> dw;
    bool add_dw = false;
    const bool early = into.wants(1) && into.edges()[0] != into.edges()[1];  // else two buffers would be one
    if (early) std::tie(dw, add_dw) = into.target(1);
    if (into.wants(0)) {
      auto& last = detail::LastWeights::of_thread().backward;
      weight.body().storage->next_weight.store(std::exchange(last, weight.data()), std::memory_order_relaxed);
      kernels::Upcoming upcoming;
      if (early) {
        upcoming.add(dw.data(), detail::bytes_of(dw));
        upcoming.add(in.data(), detail::bytes_of(in));
      }
      auto [dx, accumulate] = into.target(0);
      kernels::fetch(weight.data(), weight.is_contiguous() ? weight.numel() : 0);
      kernels::gemm<T>(n, weight.size(1), out, detail::operand(dy), detail::operand(weight), dx.data(), weight.size(1),
                       {.accumulate = accumulate}, upcoming);  // dX += G W
    }
    if (into.wants(1)) {
      if (!early) std::tie(dw, add_dw) = into.target(1);
      kernels::fetch(in.data(), in.is_contiguous() ? in.numel() : 0);
      kernels::fetch_to_write(dw.data(), dw.numel());
      kernels::gemm<T>(out, in.size(1), n, detail::transposed(dy), detail::operand(in), dw.data(), in.size(1),
                       {.accumulate = add_dw}, {before, detail::bytes_of(dw)});  // dW += G^T X
    }
    into.add(2, dy);  // db += the sum of g's rows
  };
  return record("linear", y, {x, w, b, base}, std::move(backward));
}
/// x w^T + b, b optional.
template <Scalar T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b = {}) {
  return linear_onto(Tensor<T>(), x, w, b);
}

}  // namespace shunt
