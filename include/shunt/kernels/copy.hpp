// Copies from one layout to another. Elements are bytes here, so that all scalar types share these loops.
#pragma once

#include "shunt/kernels/blocks.hpp"

namespace shunt::kernels {
namespace detail {

/// A plane of elements: rows, along which the source runs fastest, and columns, along which the result does; strides in
/// elements.
struct Turn {
  std::int64_t rows, cols, out_row, out_col, in_row, in_col;

  /// Where the planes of a copy lie in its nest: the loop that becomes rows, or -1 where turning brings nothing.
  static int rows_of(const Nest& nest) {
    const int last = nest.inner_dim();
    int best = last;
    for (int d = 0; d < last; ++d)
      if (nest.stride[1][d] > 0 && nest.stride[1][d] < nest.stride[1][best]) best = d;
    return best == last ? -1 : best;
  }
};

/// Few columns are read line by line; more go through a square that a first-level cache holds, since lines of the
/// result may lie a power of two apart, and then push each other out.
template <std::size_t Size>
void turn(const Turn& t, std::int64_t row0, std::int64_t row1, std::byte* out, const std::byte* in) {
  constexpr std::int64_t bytes = Size, side = 16;
  const auto line = [](std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                       std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i, to += to_step * bytes, from += from_step * bytes) std::memcpy(to, from, Size);
  };
  for (std::int64_t r = row0; r < row1; r += side) {
    const std::int64_t rows = std::min(side, row1 - r);
    std::byte* const to = out + r * t.out_row * bytes;
    const std::byte* const from = in + r * t.in_row * bytes;
    for (std::int64_t c = 0; c < t.cols && t.cols < side; ++c)
      line(to + c * t.out_col * bytes, t.out_row, from + c * t.in_col * bytes, t.in_row, rows);
    for (std::int64_t c = 0; c < t.cols && t.cols >= side; c += side) {
      alignas(64) std::byte square[side * side * bytes];
      const std::int64_t cols = std::min(side, t.cols - c);
      for (std::int64_t j = 0; j < cols; ++j)
        line(square + j * bytes, side, from + (c + j) * t.in_col * bytes, t.in_row, rows);
      for (std::int64_t i = 0; i < rows; ++i)
        copy_strided(to + (i * t.out_row + c * t.out_col) * bytes, t.out_col, square + i * side * bytes, 1, cols, Size);
    }
  }
}

}  // namespace detail

/// out = in for elements of `size` bytes; operand 0 of the nest is out, and its elements do not overlap the source's.
inline void copy(const Nest& nest, std::byte* out, const std::byte* in, std::size_t size) {
  const auto bytes = static_cast<std::int64_t>(size);
  const int last = nest.inner_dim(), plane = detail::Turn::rows_of(nest);
  const auto part = size == 4 ? detail::turn<4> : size == 8 ? detail::turn<8> : size == 1 ? detail::turn<1> : nullptr;
  if (plane < 0 || part == nullptr) {
    const std::int64_t to = nest.inner_stride(0), from = nest.inner_stride(1);
    return for_rows(nest, [&](NestWalk at, std::int64_t rows, std::int64_t n) {
      for (; rows > 0; --rows, at.next())
        detail::copy_strided(out + at[0] * bytes, to, in + at[1] * bytes, from, n, size);
    });
  }
  Nest planes;
  planes.operands = 2;
  for (int d = 0; d < last; ++d)
    if (d != plane) planes.push(nest.size[d], nest, d);
  planes.push(nest.inner(), nest, last);
  const detail::Turn t{nest.size[plane],     nest.inner(),          nest.stride[0][plane],
                       nest.inner_stride(0), nest.stride[1][plane], nest.inner_stride(1)};
  const std::int64_t rows = std::max<std::int64_t>(64, map_grain / (t.cols + 1)), parts = (t.rows + rows - 1) / rows;
  parallel_for(planes.rows() * parts, map_grain / (std::min(rows, t.rows) * t.cols + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const NestWalk at(planes, i / parts, 0);
                   const std::int64_t row = i % parts * rows;
                   part(t, row, std::min(t.rows, row + rows), out + at[0] * bytes, in + at[1] * bytes);
                 }
               });
}

}  // namespace shunt::kernels
