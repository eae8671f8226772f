// Nest: the loops over several strided operands of one shape, merged to as few as their strides allow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "shunt/core/shape.hpp"

namespace shunt::kernels {

inline constexpr int max_operands = 6;

/// Sizes from the outermost loop to the innermost, and each operand's strides in elements. Never empty: a scalar is one
/// loop of one step.
struct Nest {
  int operands = 0;
  Shape size;
  std::array<Shape, max_operands> stride;

  int inner_dim() const { return size.rank() - 1; }
  std::int64_t inner() const { return size[inner_dim()]; }
  std::int64_t inner_stride(int operand) const { return stride[static_cast<std::size_t>(operand)][inner_dim()]; }
  std::int64_t rows() const {
    std::int64_t n = 1;
    for (int d = 0; d < inner_dim(); ++d) n *= size[d];
    return n;
  }
  /// Another loop inside those that are there.
  void push(std::int64_t n, const Nest& from, int dim) {
    size.push_back(n);
    for (std::size_t k = 0; k < static_cast<std::size_t>(operands); ++k) stride[k].push_back(from.stride[k][dim]);
  }
};

/// Walks the rows of a nest: where each operand's row begins, in elements.
class NestWalk {
 public:
  NestWalk(const Nest& nest, std::int64_t row, std::int64_t column) : nest_(nest) {
    for (int k = 0; k < nest.operands; ++k) at(k) = column * nest.inner_stride(k);
    for (int d = nest.inner_dim() - 1; d >= 0 && row > 0; --d) {
      index_[static_cast<std::size_t>(d)] = row % nest.size[d];
      row /= nest.size[d];
      move(d, index_[static_cast<std::size_t>(d)]);
    }
  }
  std::int64_t operator[](int operand) const { return offset_[static_cast<std::size_t>(operand)]; }
  void next() {
    for (int d = nest_.inner_dim() - 1; d >= 0; --d) {
      auto& i = index_[static_cast<std::size_t>(d)];
      move(d, 1);
      if (++i < nest_.size[d]) return;
      move(d, -i);
      i = 0;
    }
  }

 private:
  std::int64_t& at(int k) { return offset_[static_cast<std::size_t>(k)]; }
  void move(int d, std::int64_t steps) {
    for (int k = 0; k < nest_.operands; ++k) at(k) += steps * nest_.stride[static_cast<std::size_t>(k)][d];
  }

  const Nest& nest_;
  std::array<std::int64_t, max_rank> index_{};
  std::array<std::int64_t, max_operands> offset_{};
};

/// The loops over `shape`, with strides already broadcast to it. Dimensions of one step go; neighbours that every
/// operand walks as one are merged; and where operand 0 runs fastest along another dimension, that one comes last.
inline Nest make_nest(const Shape& shape, std::span<const Shape> strides) {
  Nest all;
  for (const auto& s : strides) all.stride[static_cast<std::size_t>(all.operands++)] = s;
  std::array<int, max_rank> order{};
  int kept = 0;
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] != 1) order[static_cast<std::size_t>(kept++)] = d;
  // Insertion sort by the first operand's stride, largest outside; equal ones keep their order.
  for (int i = 1; i < kept; ++i)
    for (int j = i; j > 0; --j) {
      auto &a = order[static_cast<std::size_t>(j - 1)], &b = order[static_cast<std::size_t>(j)];
      if (all.stride[0][a] >= all.stride[0][b] || all.stride[0][a] == 0 || all.stride[0][b] == 0) break;
      std::swap(a, b);
    }
  Nest nest;
  nest.operands = all.operands;
  const auto operands = static_cast<std::size_t>(all.operands);
  for (int i = 0; i < kept; ++i) {
    const int d = order[static_cast<std::size_t>(i)], last = nest.inner_dim();
    bool merges = last >= 0;
    for (std::size_t k = 0; merges && k < operands; ++k) merges = nest.stride[k][last] == all.stride[k][d] * shape[d];
    if (merges) {
      nest.size[last] *= shape[d];
      for (std::size_t k = 0; k < operands; ++k) nest.stride[k][last] = all.stride[k][d];
    } else {
      nest.push(shape[d], all, d);
    }
  }
  if (nest.size.empty()) {
    nest.size.push_back(1);
    for (std::size_t k = 0; k < operands; ++k) nest.stride[k].push_back(1);
  }
  return nest;
}
inline Nest make_nest(const Shape& shape, std::initializer_list<Shape> strides) {
  return make_nest(shape, std::span(strides.begin(), strides.size()));
}
/// n elements in a row, for each of the operands.
inline Nest flat_nest(std::int64_t n, int operands) {
  Nest nest;
  nest.operands = operands;
  nest.size.push_back(n);
  for (std::size_t k = 0; k < static_cast<std::size_t>(operands); ++k) nest.stride[k].push_back(1);
  return nest;
}

}  // namespace shunt::kernels
