// Normalisation: y = (x - mean) / sqrt(var + eps) w + b over sets of elements, and its gradient. A set is a number of
// runs of contiguous elements; batch, group and instance norm differ only in which runs make a set.
#pragma once

#include <type_traits>

#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/math.hpp"

namespace shunt::kernels {

/// The type in which long sums of A are carried: double for float.
template <class A>
using norm_sum_t = std::conditional_t<std::same_as<A, float>, double, A>;

/// Elements summed in A before they join the wider sum: they fit the first-level cache beside a second operand.
inline constexpr std::int64_t norm_chunk = 2048;

/// Which elements make a set, and which weight they share.
struct NormShape {
  std::int64_t sets, runs, length;    ///< A set is `runs` runs of `length` elements,
  std::int64_t set_step, run_step;    ///< so many elements apart.
  std::int64_t period, w_set, w_run;  ///< A run's weight is number set % period * w_set + run * w_run.

  std::int64_t count() const { return runs * length; }
  /// Each set is a column of a matrix.
  bool columns() const { return length == 1 && set_step == 1 && period == sets; }
};

/// Rows of n elements, each with a weight for every element.
struct NormRows {
  std::int64_t rows, n;
  bool centered;           ///< Whether the mean is taken off.
  std::int64_t part_rows;  ///< Rows whose weights' gradients are summed into one part; decided by sizes alone.

  NormRows(std::int64_t rows_, std::int64_t n_, bool centered_)
      : rows(rows_), n(n_), centered(centered_), part_rows(std::max(1 + map_grain / (n_ + 1), (rows_ + 31) / 32)) {}
  std::int64_t parts() const { return (rows + part_rows - 1) / part_rows; }
};

template <class T>
struct NormForward {
  using A = accumulate_t<T>;
  const T *x, *w, *b, *base;  ///< w, b and base may be null; base is added to the result.
  T* y;
  A *mean, *rstd, *var;  ///< One a set; var may be null.
  double eps;
  bool fixed;  ///< mean and rstd are given.
};
template <class T>
struct NormBackward {
  using A = accumulate_t<T>;
  const T *x, *w, *g;
  const A *mean, *rstd;
  T* dx;  ///< May be null.
  bool accumulate;
  A *dw, *db;  ///< Zeros, one a weight and image or part; may be null.
  bool fixed;
};

/// 1 / sqrt(var + eps) as A.
template <class W, class A>
inline A norm_rstd(W var, double eps, A) {
  return shunt::detail::convert<A>(W(1) / math::sqrt(var + W(eps)));
}

}  // namespace shunt::kernels

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/norm.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {
namespace detail {

template <class T>
auto norm_forward_loop(bool columns) {
  auto* loop = columns ? portable::norm_columns_forward<T> : portable::norm_runs_forward<T>;
  if constexpr (std::is_arithmetic_v<T>)
    loop = columns ? by_isa(loop, avx2::norm_columns_forward<T>, avx512::norm_columns_forward<T>)
                   : by_isa(loop, avx2::norm_runs_forward<T>, avx512::norm_runs_forward<T>);
  return loop;
}
template <class T>
auto norm_backward_loop(bool columns) {
  auto* loop = columns ? portable::norm_columns_backward<T> : portable::norm_runs_backward<T>;
  if constexpr (std::is_arithmetic_v<T>)
    loop = columns ? by_isa(loop, avx2::norm_columns_backward<T>, avx512::norm_columns_backward<T>)
                   : by_isa(loop, avx2::norm_runs_backward<T>, avx512::norm_runs_backward<T>);
  return loop;
}
/// Sets for one thread at least; columns in whole blocks.
inline std::int64_t norm_grain(const NormShape& s) {
  const std::int64_t grain = 1 + map_grain / (s.count() + 1);
  return s.columns() ? (grain + 31) / 32 * 32 : grain;
}

}  // namespace detail

/// Normalises sets of runs.
template <class T>
void norm_forward(const NormShape& s, const NormForward<T>& p) {
  const auto loop = detail::norm_forward_loop<T>(s.columns());
  parallel_for(s.sets, detail::norm_grain(s), [&](std::int64_t b, std::int64_t e) { loop(s, p, b, e); });
}
/// dx, and for each image's weights dw and db, which the caller sums over images.
template <class T>
void norm_backward(const NormShape& s, const NormBackward<T>& p) {
  const auto loop = detail::norm_backward_loop<T>(s.columns());
  parallel_for(s.sets, detail::norm_grain(s), [&](std::int64_t b, std::int64_t e) { loop(s, p, b, e); });
}
/// Normalises rows; statistics are never given, and no variance is told.
template <class T>
void norm_forward(const NormRows& s, const NormForward<T>& p) {
  auto* loop = portable::norm_rows_forward<T>;
  if constexpr (std::is_arithmetic_v<T>) loop = by_isa(loop, avx2::norm_rows_forward<T>, avx512::norm_rows_forward<T>);
  parallel_for(s.rows, 1 + map_grain / (s.n + 1), [&](std::int64_t b, std::int64_t e) { loop(s, p, b, e); });
}
/// dx, and for each part dw and db, which the caller sums over parts.
template <class T>
void norm_backward(const NormRows& s, const NormBackward<T>& p) {
  auto* loop = portable::norm_rows_backward<T>;
  if constexpr (std::is_arithmetic_v<T>)
    loop = by_isa(loop, avx2::norm_rows_backward<T>, avx512::norm_rows_backward<T>);
  parallel_for(s.parts(), 1, [&](std::int64_t b, std::int64_t e) {
    for (std::int64_t part = b; part < e; ++part) loop(s, p, part);
  });
}

}  // namespace shunt::kernels
