// Attention of float and double without the (t, s) matrix in memory: some rows of weights at a time, as many as fit the
// second-level cache; backward computes them again from the logarithms of their sums. Bound by the two (backward: five)
// matrix products.
#pragma once

#include <limits>
#include <vector>

#include "shunt/kernels/dropout.hpp"
#include "shunt/kernels/gemm.hpp"
#include "shunt/kernels/norm.hpp"

namespace shunt::kernels {

/// Rows [first, first + rows) of one head's weights, each over the first n keys.
template <class T>
struct AttentionRows {
  std::int64_t first, rows, n;
  bool causal;
  T scale;
  const bool* allowed;  ///< Of row `first`, as is `added`; either or both may be null.
  const T* added;
  std::int64_t mask_row, mask_col;
  std::uint32_t threshold;  ///< Of dropout; 0: none.
  T keep;                   ///< What weights that stay are multiplied by.
  RandomStream stream;      ///< Of row `first`; each row takes row_blocks.
  std::uint64_t row_blocks;
};

}  // namespace shunt::kernels

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/attention.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {

/// One matrix a head: where each begins in elements, and its strides.
template <class T>
struct HeadMatrices {
  T* data = nullptr;
  std::vector<std::int64_t> offset = {};
  std::int64_t row = 0, col = 0;

  T* at(std::int64_t head, std::int64_t i) const { return data + offset[static_cast<std::size_t>(head)] + i * row; }
};

/// Weights at hand at a time: as many as the second-level cache holds, since each block packs all keys and values anew.
inline constexpr std::int64_t attention_block = std::int64_t{1} << 17;

/// `heads` times q (t, e), k (s, e), v (s, d). Of the masks one at most is there.
template <class T>
struct Attention {
  std::int64_t heads, t, s, e, d;
  bool causal;
  double scale, dropout_p;
  RandomStream stream;
  HeadMatrices<const T> q, k, v, added;
  HeadMatrices<const bool> allowed;

  /// Of about one size, and no more rows than `attention_block` weights hold.
  std::int64_t block_rows() const { return t == 0 ? 1 : (t + blocks() - 1) / blocks(); }
  std::int64_t blocks() const {
    const std::int64_t most = std::clamp<std::int64_t>(attention_block / std::max<std::int64_t>(s, 1), 8, 128);
    return (t + most - 1) / most;
  }
  /// Block number `block` of head `h`.
  AttentionRows<T> rows_of(std::int64_t h, std::int64_t block) const {
    const std::int64_t first = block * block_rows(), rows = std::min(block_rows(), t - first);
    const auto& mask_row = allowed.data != nullptr ? allowed.row : added.row;
    const auto& mask_col = allowed.data != nullptr ? allowed.col : added.col;
    const std::uint64_t row_blocks = dropout_blocks(s);
    return {first,
            rows,
            causal ? std::min(s, first + rows) : s,
            causal,
            static_cast<T>(scale),
            allowed.data != nullptr ? allowed.at(h, first) : nullptr,
            added.data != nullptr ? added.at(h, first) : nullptr,
            mask_row,
            mask_col,
            dropout_threshold(dropout_p),
            static_cast<T>(1 / (1 - dropout_p)),
            {stream.seed, stream.position + static_cast<std::uint64_t>(h * t + first) * row_blocks},
            row_blocks};
  }
  /// The products q k of these rows.
  void products(std::int64_t h, const AttentionRows<T>& a, T* p) const {
    gemm<T>(a.rows, a.n, e, {q.at(h, a.first), q.row, q.col}, {k.at(h, 0), k.col, k.row}, p, a.n);
  }
};

/// y, one (t, d) matrix a head with dense rows, and the logarithms of the rows' sums, (heads, t).
template <class T>
void attention_forward(const Attention<T>& a, const HeadMatrices<T>& y, T* log_sum) {
  const auto weights_of =
      by_isa(portable::attention_weights<T>, avx2::attention_weights<T>, avx512::attention_weights<T>);
  const auto scaled = by_isa(portable::scale_rows<T>, avx2::scale_rows<T>, avx512::scale_rows<T>);
  const std::int64_t work = a.block_rows() * (a.s + 1) * (a.e + a.d + 8);
  parallel_for(a.heads * a.blocks(), 1 + (1 << 19) / work, [&](std::int64_t begin, std::int64_t end) {
    T *const p = scratch<T>(Scratch::scores, a.block_rows() * (a.s + 1)), *const inverse = p + a.block_rows() * a.s;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t h = task / a.blocks();
      const auto rows = a.rows_of(h, task % a.blocks());
      a.products(h, rows, p);
      weights_of(rows, p, inverse, log_sum + h * a.t + rows.first);
      gemm<T>(rows.rows, a.d, rows.n, {p, rows.n, 1}, {a.v.at(h, 0), a.v.row, a.v.col}, y.at(h, rows.first), y.row);
      scaled(rows.rows, a.d, y.at(h, rows.first), y.row, inverse);
    }
  });
}

/// Adds to dq, dk and dv, which have dense rows, and sets the gradient of the added mask, one dense matrix a head,
/// unless it is null; g is y's gradient. One thread a head, so that sums have one order.
template <class T>
void attention_backward(const Attention<T>& a, const HeadMatrices<const T>& g, const T* log_sum,
                        const HeadMatrices<T>& dq, const HeadMatrices<T>& dk, const HeadMatrices<T>& dv, T* dadded) {
  const auto backward = by_isa(portable::attention_weights_backward<T>, avx2::attention_weights_backward<T>,
                               avx512::attention_weights_backward<T>);
  const std::int64_t work = a.t * (a.s + 1) * (a.e + a.d + 8);
  parallel_for(a.heads, 1 + (1 << 19) / (work + 1), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t size = a.block_rows() * a.s;
    T *const p = scratch<T>(Scratch::scores, 3 * size + a.block_rows()), *const dp = p + size,
             *const kept = a.dropout_p > 0 ? dp + size : p, *const means = p + 3 * size;
    for (std::int64_t h = begin; h < end; ++h)
      for (std::int64_t block = 0; block < a.blocks(); ++block) {
        const auto rows = a.rows_of(h, block);
        const Operand<T> up{g.at(h, rows.first), g.row, g.col};
        a.products(h, rows, p);
        gemm<T>(rows.rows, rows.n, a.d, up, {a.v.at(h, 0), a.v.col, a.v.row}, dp, rows.n);
        backward(rows, p, kept, dp, dadded == nullptr ? nullptr : dadded + (h * a.t + rows.first) * a.s, a.s,
                 log_sum + h * a.t + rows.first, means);
        gemm<T>(rows.n, a.d, rows.rows, {kept, 1, rows.n}, up, dv.at(h, 0), dv.row, {.accumulate = true});
        gemm<T>(rows.rows, a.e, rows.n, {dp, rows.n, 1}, {a.k.at(h, 0), a.k.row, a.k.col}, dq.at(h, rows.first), dq.row,
                {.accumulate = true});
        gemm<T>(rows.n, a.e, rows.rows, {dp, 1, rows.n}, {a.q.at(h, rows.first), a.q.row, a.q.col}, dk.at(h, 0), dk.row,
                {.accumulate = true});
      }
  });
}

}  // namespace shunt::kernels
