// Nest: the loops over several strided operands of one shape, merged to as few as their strides allow.
#pragma once

#include <array>
#include <cstdint>

#include "shunt/core/shape.hpp"

namespace shunt::kernels {

/// Sizes from the outermost loop to the innermost, and each operand's strides in elements. Never empty: a scalar is one
/// loop of one step.
template <int N>
struct Nest {
  Shape size;
  std::array<Shape, N> stride;

  std::int64_t inner() const { return size[size.rank() - 1]; }
  std::int64_t rows() const {
    std::int64_t n = 1;
    for (int d = 0; d + 1 < size.rank(); ++d) n *= size[d];
    return n;
  }
  std::int64_t numel() const { return size.numel(); }
};

/// Walks the rows of a nest: where each operand's row begins, in elements.
template <int N>
class NestWalk {
 public:
  NestWalk(const Nest<N>& nest, std::int64_t row, std::int64_t column) : nest_(nest) {
    const int inner = nest.size.rank() - 1;
    for (std::size_t k = 0; k < N; ++k) offset_[k] = column * nest.stride[k][inner];
    for (int d = inner - 1; d >= 0; --d) {
      index_[static_cast<std::size_t>(d)] = row % nest.size[d];
      for (std::size_t k = 0; k < N; ++k) offset_[k] += index_[static_cast<std::size_t>(d)] * nest.stride[k][d];
      row /= nest.size[d];
    }
  }
  std::int64_t operator[](std::size_t operand) const { return offset_[operand]; }
  void next() {
    for (int d = nest_.size.rank() - 2; d >= 0; --d) {
      auto& i = index_[static_cast<std::size_t>(d)];
      for (std::size_t k = 0; k < N; ++k) offset_[k] += nest_.stride[k][d];
      if (++i < nest_.size[d]) return;
      for (std::size_t k = 0; k < N; ++k) offset_[k] -= i * nest_.stride[k][d];
      i = 0;
    }
  }

 private:
  const Nest<N>& nest_;
  std::array<std::int64_t, max_rank> index_{};
  std::array<std::int64_t, N> offset_{};
};

/// The loops over `shape`, with strides already broadcast to it. Dimensions of one step go; neighbours that every
/// operand walks as one are merged; and where operand 0 runs fastest along another dimension, that one comes last.
template <int N>
Nest<N> make_nest(const Shape& shape, const std::array<Shape, N>& strides) {
  Nest<N> nest;
  std::array<int, max_rank> order{};
  int kept = 0;
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] != 1) order[static_cast<std::size_t>(kept++)] = d;
  // Insertion sort by the first operand's stride, largest outside; equal ones keep their order.
  for (int i = 1; i < kept; ++i)
    for (int j = i; j > 0; --j) {
      auto &a = order[static_cast<std::size_t>(j - 1)], &b = order[static_cast<std::size_t>(j)];
      if (strides[0][a] >= strides[0][b] || strides[0][a] == 0 || strides[0][b] == 0) break;
      std::swap(a, b);
    }
  for (int i = 0; i < kept; ++i) {
    const int d = order[static_cast<std::size_t>(i)];
    const int last = nest.size.rank() - 1;
    bool merges = last >= 0;
    for (std::size_t k = 0; merges && k < N; ++k) merges = nest.stride[k][last] == strides[k][d] * shape[d];
    if (merges) {
      nest.size[last] *= shape[d];
      for (std::size_t k = 0; k < N; ++k) nest.stride[k][last] = strides[k][d];
    } else {
      nest.size.push_back(shape[d]);
      for (std::size_t k = 0; k < N; ++k) nest.stride[k].push_back(strides[k][d]);
    }
  }
  if (nest.size.empty()) {
    nest.size.push_back(1);
    for (std::size_t k = 0; k < N; ++k) nest.stride[k].push_back(1);
  }
  return nest;
}

}  // namespace shunt::kernels
