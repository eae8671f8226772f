// Moving elements to or from places that an index tensor names. Indices have been checked by the caller.
#pragma once

#include <algorithm>
#include <cstring>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/nest.hpp"

namespace shunt::kernels {
namespace detail {

/// Elements for one thread.
inline constexpr std::int64_t index_grain = 1 << 15;

/// to[i] += from[i]; the blocks of constant length are what the compilers turn into vectors at -O2.
template <class A, class T>
void add_row(A* __restrict to, const T* __restrict from, std::int64_t n) {
  constexpr std::int64_t block = 16;
  for (; n >= block; n -= block, to += block, from += block)
    for (std::int64_t i = 0; i < block; ++i) to[i] = static_cast<A>(to[i] + from[i]);
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<A>(to[i] + from[i]);
}

}  // namespace detail

/// out (outer, count, inner) = x (outer, n, inner) at the rows index[0 .. count). All dense.
template <class T>
void take_rows(T* out, const T* x, const std::int64_t* index, std::int64_t outer, std::int64_t n, std::int64_t count,
               std::int64_t inner) {
  if (inner == 0) return;
  const auto bytes = static_cast<std::size_t>(inner) * sizeof(T);
  parallel_for(outer * count, 1 + detail::index_grain / inner, [&](std::int64_t b, std::int64_t e) {
    for (std::int64_t row = b; row < e;) {  // what of [b, e) lies in one of the outer parts
      const T* from = x + row / count * n * inner;
      const std::int64_t* at = index + row % count;
      const std::int64_t some = std::min(e - row, count - row % count);
      T* to = out + row * inner;
      if (inner == 1) {
        for (std::int64_t i = 0; i < some; ++i) to[i] = from[at[i]];
      } else {
        for (std::int64_t i = 0; i < some; ++i) std::memcpy(to + i * inner, from + at[i] * inner, bytes);
      }
      row += some;
    }
  });
}

/// out (outer, n, inner) += g (outer, count, inner) at the rows index[0 .. count), in their order; row `skip` of out
/// gets nothing. Threads share out the columns, so a row named twice is added to by one thread. All dense.
template <class A, class T>
void add_rows(A* out, const T* g, const std::int64_t* index, std::int64_t outer, std::int64_t n, std::int64_t count,
              std::int64_t inner, std::int64_t skip = -1) {
  constexpr std::int64_t columns = 128;
  const std::int64_t cuts = (inner + columns - 1) / columns;
  const std::int64_t work = count * std::min(inner, columns);
  parallel_for(outer * cuts, 1 + detail::index_grain / (work + 1), [&](std::int64_t b, std::int64_t e) {
    for (std::int64_t part = b; part < e; ++part) {
      const std::int64_t begin = part % cuts * columns, width = std::min(columns, inner - begin), o = part / cuts;
      for (std::int64_t i = 0; i < count; ++i)
        if (index[i] != skip)
          detail::add_row(out + (o * n + index[i]) * inner + begin, g + (o * count + i) * inner + begin, width);
    }
  });
}

/// Lines along one dimension, each of `length` elements: the nest walks where lines begin (in operand 0, the index and
/// operand 2), `along` steps inside one. Calls f(operand 0, index, operand 2) with element offsets, along a line in
/// order; threads share out the lines.
template <class F>
void for_each_line(const Nest& nest, std::int64_t length, const std::int64_t (&along)[3], const F& f) {
  const std::int64_t rows = nest.rows(), inner = nest.inner();
  if (rows * inner * length == 0) return;
  const std::int64_t across[3] = {nest.inner_stride(0), nest.inner_stride(1), nest.inner_stride(2)};
  const auto run = [&f](std::int64_t n, std::int64_t a, std::int64_t b, std::int64_t c, const std::int64_t(&step)[3]) {
    const std::int64_t da = step[0], db = step[1], dc = step[2];
    for (std::int64_t i = 0; i < n; ++i, a += da, b += db, c += dc) f(a, b, c);
  };
  const auto part = [&](std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t n) {
    NestWalk at(nest, first, begin);
    for (std::int64_t row = first; row < last; ++row, at.next()) {
      // Along the line or across the lines, whichever goes through operand 0 in smaller steps.
      const bool lengthwise = n == 1 || (length > 1 && along[0] < across[0]);
      const auto& slow = lengthwise ? across : along;
      for (std::int64_t i = 0; i < (lengthwise ? n : length); ++i)
        run(lengthwise ? length : n, at[0] + i * slow[0], at[1] + i * slow[1], at[2] + i * slow[2],
            lengthwise ? along : across);
    }
  };
  if (rows == 1)
    parallel_for(inner, 1 + detail::index_grain / length,
                 [&](std::int64_t b, std::int64_t e) { part(0, 1, b, e - b); });
  else
    parallel_for(rows, 1 + detail::index_grain / (inner * length),
                 [&](std::int64_t b, std::int64_t e) { part(b, e, 0, inner); });
}

}  // namespace shunt::kernels
