// How loops over strided operands are run: rows are handed to a kernel's inner loop in blocks of a constant length,
// from where they lie if they are dense, else through a small buffer. Compiled once for all kernels, which bring only
// their inner loops.
#pragma once

#include <algorithm>
#include <cstring>

#include "shunt/core/threads.hpp"
#include "shunt/kernels/isa.hpp"
#include "shunt/kernels/nest.hpp"

namespace shunt::kernels {

/// Elements a block: a loop of this constant length is what both compilers turn into vectors at -O2.
inline constexpr int block_length = 32;
/// Elements for one thread: below this a second one costs more than it brings.
inline constexpr std::int64_t map_grain = 1 << 15;

/// An operand whose type only the inner loop knows.
struct Erased {
  std::byte* data;
  std::size_t size;  ///< Bytes an element.
};
template <class T>
Erased erase(const T* p) {
  return {reinterpret_cast<std::byte*>(const_cast<T*>(p)), sizeof(T)};
}

/// The inner loop over n elements of operand 0 = f(operand 1, ...). step[k] is 1, or 0 for an operand that stays on one
/// block. n is rounded up to whole blocks by loops that make vectors: the operands then have that much room.
using MapLoop = void (*)(const void* f, std::int64_t n, std::byte* const* p, const std::int64_t* step);

namespace detail {

/// Copies elements of `size` bytes, `from_stride` and `to_stride` elements apart.
inline void copy_strided(std::byte* to, std::int64_t to_stride, const std::byte* from, std::int64_t from_stride,
                         std::int64_t n, std::size_t size) {
  const auto each = [&]<std::size_t Size>(std::integral_constant<std::size_t, Size>) {
    for (std::int64_t i = 0; i < n; ++i)
      std::memcpy(to + i * to_stride * static_cast<std::int64_t>(Size),
                  from + i * from_stride * static_cast<std::int64_t>(Size), Size);
  };
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * size);
  } else if (size == 4) {
    each(std::integral_constant<std::size_t, 4>{});
  } else if (size == 8) {
    each(std::integral_constant<std::size_t, 8>{});
  } else if (size == 1) {
    each(std::integral_constant<std::size_t, 1>{});
  } else {
    const auto bytes = static_cast<std::int64_t>(size);
    for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * to_stride * bytes, from + i * from_stride * bytes, size);
  }
}

/// Rooms for blocks of operands that are not dense, or that a row does not fill.
class Rooms {
 public:
  static constexpr std::int64_t elements = 4 * block_length;
  static constexpr std::size_t max_size = 32;  // dual<dual<double>>

  std::byte* operator[](int k) { return room_[k]; }
  /// n elements of an operand as whole blocks: what is missing repeats the last, as harmless as the element itself.
  std::byte* gather(int k, const std::byte* from, std::int64_t stride, std::int64_t n, std::size_t size) {
    copy_strided(room_[k], 1, from, stride, n, size);
    const std::int64_t whole = (n + block_length - 1) / block_length * block_length;
    const auto bytes = static_cast<std::int64_t>(size);
    if (n < whole) copy_strided(room_[k] + n * bytes, 1, room_[k] + (n - 1) * bytes, 0, whole - n, size);
    return room_[k];
  }

 private:
  alignas(64) std::byte room_[max_operands + 1][static_cast<std::size_t>(elements) * max_size];
};

/// One row of n elements; p points to its first ones. With `add`, the loop's results are added to what is there.
inline void map_row(MapLoop loop, MapLoop add, const void* f, int operands, const Erased* ops,
                    const std::int64_t* stride, std::byte** p, std::int64_t n, Rooms& rooms) {
  const auto at = [&](int k, std::int64_t i) { return p[k] + i * stride[k] * static_cast<std::int64_t>(ops[k].size); };
  std::int64_t step[max_operands];
  bool dense = stride[0] == 1 && add == nullptr;
  for (int k = 1; k < operands; ++k) {
    step[k] = 1;
    if (stride[k] == 1) continue;
    if (stride[k] != 0) {
      dense = false;
    } else {  // one element for the whole row: one block of it will do
      copy_strided(rooms[k], 1, p[k], 0, block_length, ops[k].size);
      p[k] = rooms[k];
      step[k] = 0;
    }
  }
  std::int64_t done = dense ? n / block_length * block_length : 0;
  if (done > 0) loop(f, done, p, step);
  for (std::int64_t count; done < n; done += count) {
    count = std::min(n - done, Rooms::elements);
    std::byte* q[max_operands];
    q[0] = rooms[0];
    for (int k = 1; k < operands; ++k) {
      const bool in_place = step[k] == 0 || (stride[k] == 1 && count % block_length == 0);
      q[k] =
          in_place ? (step[k] == 0 ? p[k] : at(k, done)) : rooms.gather(k, at(k, done), stride[k], count, ops[k].size);
    }
    loop(f, count, q, step);
    if (add != nullptr) {
      constexpr std::int64_t ones[] = {1, 1, 1};
      std::byte* const sum[] = {q[0], rooms.gather(max_operands, at(0, done), stride[0], count, ops[0].size), q[0]};
      const char stateless{};
      add(&stateless, count, sum, ones);
    }
    copy_strided(at(0, done), stride[0], q[0], 1, count, ops[0].size);
  }
}

}  // namespace detail

/// Calls part(walk, rows, n) for rows of n elements each, from several threads: some whole rows, or a part of one. Work
/// is cut by size, so it is the same for any number of threads.
template <class F>
void for_rows(const Nest& nest, const F& part) {
  const std::int64_t rows = nest.rows(), inner = nest.inner();
  if (rows * inner == 0) return;
  if (rows * inner <= map_grain) {
    part(NestWalk(nest, 0, 0), rows, inner);
  } else if (inner >= map_grain) {
    for (std::int64_t row = 0; row < rows; ++row)
      parallel_for(inner, map_grain, [&](std::int64_t b, std::int64_t e) { part(NestWalk(nest, row, b), 1, e - b); });
  } else {
    parallel_for(rows, map_grain / inner,
                 [&](std::int64_t b, std::int64_t e) { part(NestWalk(nest, b, 0), e - b, inner); });
  }
}

/// Runs `loop` over the nest; with `add`, a loop of two operands, its results are added to operand 0.
inline void run_map(const Nest& nest, MapLoop loop, MapLoop add, const void* f, const Erased* ops) {
  std::int64_t stride[max_operands];
  for (int k = 0; k < nest.operands; ++k) stride[k] = nest.inner_stride(k);
  for_rows(nest, [&](NestWalk at, std::int64_t rows, std::int64_t n) {
    detail::Rooms rooms;
    for (; rows > 0; --rows, at.next()) {
      std::byte* p[max_operands];
      for (int k = 0; k < nest.operands; ++k) p[k] = ops[k].data + at[k] * static_cast<std::int64_t>(ops[k].size);
      detail::map_row(loop, add, f, nest.operands, ops, stride, p, n, rooms);
    }
  });
}

}  // namespace shunt::kernels
