// out[i] = f(in1[i], in2[i], ...) over strided operands of one shape.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/isa.hpp"
#include "shunt/kernels/nest.hpp"

namespace shunt::kernels {

/// Elements a block: a loop of this constant length is what both compilers turn into vectors at -O2.
inline constexpr int map_block = 32;
/// Elements for one thread: below this a second one costs more than it brings.
inline constexpr std::int64_t map_grain = 1 << 15;

}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/elementwise.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {
namespace detail {

/// bfloat16 is computed in float and rounded once.
template <class T>
using compute_t = std::conditional_t<std::same_as<T, bfloat16>, float, T>;

/// The loop for scalars that have no vectors (dual numbers, bfloat16).
template <class F, class O, class... I, std::size_t... K>
void map_scalars(const F& f, const Nest<1 + sizeof...(I)>& nest, std::int64_t first, std::int64_t last,
                 std::int64_t begin, std::int64_t n, O* out, std::index_sequence<K...>, const I*... in) {
  const int inner = nest.size.rank() - 1;
  NestWalk<1 + sizeof...(I)> at(nest, first, begin);
  for (std::int64_t row = first; row < last; ++row, at.next())
    for (std::int64_t i = 0; i < n; ++i)
      out[at[0] + i * nest.stride[0][inner]] = shunt::detail::convert<O>(
          f(static_cast<compute_t<I>>(in[at[K + 1] + i * nest.stride[K + 1][inner]])...));
}

}  // namespace detail

/// out = f(in...), elementwise. f is a function object of scalars without state that changes; out may be one of the
/// inputs under the same strides. Work is cut by size, so the result is the same for any number of threads.
template <class F, class O, class... I>
void map(const F& f, const Nest<1 + sizeof...(I)>& nest, O* out, const I*... in) {
  if (nest.numel() == 0) return;
  const auto part = [&](std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t n) {
    if constexpr (std::is_arithmetic_v<O> && (std::is_arithmetic_v<I> && ...)) {
      by_isa(portable::map_part<F, O, I...>, avx2::map_part<F, O, I...>, avx512::map_part<F, O, I...>)(
          f, nest, first, last, begin, n, out, in...);
    } else {
      detail::map_scalars(f, nest, first, last, begin, n, out, std::index_sequence_for<I...>{}, in...);
    }
  };
  const std::int64_t rows = nest.rows(), n = nest.inner();
  if (rows * n <= map_grain) {
    part(0, rows, 0, n);
  } else if (n >= map_grain) {
    for (std::int64_t row = 0; row < rows; ++row)
      parallel_for(n, map_grain, [&](std::int64_t b, std::int64_t e) { part(row, row + 1, b, e - b); });
  } else {
    parallel_for(rows, map_grain / n, [&](std::int64_t b, std::int64_t e) { part(b, e, 0, n); });
  }
}

}  // namespace shunt::kernels
