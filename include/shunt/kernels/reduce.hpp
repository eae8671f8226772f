// out[kept] = finish(combine over reduced of map(in...)), for any dimensions and strides.
#pragma once

#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/gemm_scratch.hpp"

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/reduce.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {

/// Running values of one long row.
inline constexpr std::int64_t reduce_lanes = 128;
/// Columns reduced together while the rows go by.
inline constexpr std::int64_t reduce_tile = 512;
/// Elements of one partial result of a long row.
inline constexpr std::int64_t reduce_chunk = 1 << 15;
/// Rows of one partial result of a column.
inline constexpr std::int64_t reduce_rows = 1 << 8;
/// Rows joined before they are added to what earlier ones gave, so that a long sum in float loses little.
inline constexpr std::int64_t reduce_group = 64;
/// Rows shorter than this are read side by side, as columns.
inline constexpr std::int64_t reduce_short = 24;

/// A reduction as the driver sees it. An accumulator is the type R::Acc, held by the caller; element i goes to
/// acc[i & mask], where mask is -1 or a power of two less one.
struct ReduceLoops {
  std::size_t acc_size;
  void (*clear)(const void* r, std::int64_t n, void* acc);
  /// Joins map(in[i]...) for whole blocks. step[k] is 1, or 0 for an operand that stays on one block.
  void (*blocks)(const void* r, std::int64_t n, void* acc, std::int64_t mask, const std::byte* const* p,
                 const std::int64_t* step);
  /// The same for any n and strides.
  void (*some)(const void* r, std::int64_t n, void* acc, std::int64_t mask, const std::byte* const* p,
               const std::int64_t* stride);
  /// acc[i] joined with other[i].
  void (*join)(const void* r, std::int64_t n, void* acc, const void* other);
  /// acc[0] = all n joined; n is a multiple of block_length.
  void (*fold)(const void* r, std::int64_t n, void* acc);
  /// out[i * stride] = or += finish(acc[i])
  void (*store)(const void* r, std::int64_t n, const void* acc, std::byte* out, std::int64_t stride, bool accumulate);
};

namespace detail {

template <class R, class... I, std::size_t... K>
void reduce_some_of(const R& r, std::int64_t n, typename R::Acc* acc, std::int64_t mask, const std::byte* const* p,
                    const std::int64_t* stride, std::index_sequence<K...>) {
  for (std::int64_t i = 0; i < n; ++i) {
    auto& a = acc[i & mask];
    a = r.combine(a, r.map(static_cast<compute_t<I>>(reinterpret_cast<const I*>(p[K])[i * stride[K]])...));
  }
}

template <class R, class O, class... I>
struct ReduceOps {
  using A = typename R::Acc;
  static const R& of(const void* r) { return *static_cast<const R*>(r); }
  static void clear(const void* r, std::int64_t n, void* acc) {
    std::fill_n(static_cast<A*>(acc), n, of(r).identity());
  }
  static void some(const void* r, std::int64_t n, void* acc, std::int64_t mask, const std::byte* const* p,
                   const std::int64_t* stride) {
    reduce_some_of<R, I...>(of(r), n, static_cast<A*>(acc), mask, p, stride, std::index_sequence_for<I...>{});
  }
  static void join(const void* r, std::int64_t n, void* acc, const void* other) {
    for (std::int64_t i = 0; i < n; ++i) {
      auto& a = static_cast<A*>(acc)[i];
      a = of(r).combine(a, static_cast<const A*>(other)[i]);
    }
  }
  static void store(const void* r, std::int64_t n, const void* acc, std::byte* out, std::int64_t stride,
                    bool accumulate) {
    for (std::int64_t i = 0; i < n; ++i) {
      O& to = reinterpret_cast<O*>(out)[i * stride];
      const O value = shunt::detail::convert<O>(of(r).finish(static_cast<const A*>(acc)[i]));
      to = accumulate ? static_cast<O>(to + value) : value;
    }
  }
  static ReduceLoops loops() {
    ReduceLoops l{sizeof(A), clear, nullptr, some, join, portable::reduce_fold<R>, store};
    if constexpr (std::is_arithmetic_v<A> && (std::is_arithmetic_v<I> && ...)) {
      l.blocks = by_isa(portable::reduce_blocks<R, I...>, avx2::reduce_blocks<R, I...>, avx512::reduce_blocks<R, I...>);
      l.fold = by_isa(portable::reduce_fold<R>, avx2::reduce_fold<R>, avx512::reduce_fold<R>);
    }
    return l;
  }
};

/// One reduction over a nest whose last operand is the output, with stride 0 along what is reduced.
class Reduction {
 public:
  Reduction(const Nest& nest, const ReduceLoops& loops, const void* r, const Erased* ops, bool accumulate)
      : loops_(loops), r_(r), ops_(ops), inputs_(nest.operands - 1), accumulate_(accumulate) {
    // The reduced loops go inside the kept ones. The innermost stays where the input runs fastest, but for short rows:
    // these are reduced side by side.
    const Shape& out = nest.stride[static_cast<std::size_t>(inputs_)];
    int inner = nest.inner_dim();
    if (out[inner] == 0 && nest.inner() < reduce_short)
      for (int d = 0; d < nest.inner_dim(); ++d)
        if (out[d] != 0 && nest.size[d] >= block_length) inner = d;
    nest_.operands = nest.operands;
    kept_ = joined_ = 1;
    int joined_loops = 0;
    for (int d = 0; d < nest.size.rank(); ++d)
      if (d != inner && out[d] != 0) nest_.push(nest.size[d], nest, d), kept_ *= nest.size[d];
    for (int d = 0; d < nest.size.rank(); ++d) {
      if (d == inner || out[d] != 0) continue;
      const std::int64_t n = std::max<std::int64_t>(nest.size[d], 1);  // the walk goes over nothing once, and joins 0
      nest_.push(n, nest, d), joined_ *= n, ++joined_loops;
      empty_ = empty_ || nest.size[d] == 0;
    }
    nest_.push(nest.size[inner], nest, inner);
    n_ = width_ = nest_.inner();
    for (int k = 0; k < inputs_; ++k) {
      stride_[k] = nest_.inner_stride(k);
      plain_ = plain_ && (stride_[k] == 1 || stride_[k] == 0);
    }
    if (joined_loops == 1 && nest_.inner_stride(inputs_) != 0 && !empty_) widen();
  }

  void run() const {
    if (kept_ == 0 || (n_ == 0 && nest_.inner_stride(inputs_) != 0)) return;
    if (nest_.inner_stride(inputs_) != 0)
      columns();
    else if (!empty_ && joined_ * n_ > reduce_chunk)
      long_rows();
    else
      rows();
  }

 private:
  static constexpr std::size_t max_acc = 48;
  struct Lanes {
    alignas(64) std::byte bytes[static_cast<std::size_t>(reduce_tile) * max_acc];
  };

  /// Narrow columns whose rows lie one behind another: several rows are read as one.
  void widen() {
    const int last = nest_.inner_dim() - 1;
    std::int64_t together = std::min(reduce_lanes / std::max<std::int64_t>(n_, 1), joined_);
    for (int k = 0; k < inputs_; ++k)
      if (stride_[k] != 1 || nest_.stride[static_cast<std::size_t>(k)][last] != n_) together = 1;
    if (together < 2) return;
    width_ = together * n_;
    rest_ = joined_ % together * n_;
    nest_.size[last] = joined_ /= together;
    for (int k = 0; k < inputs_; ++k) nest_.stride[static_cast<std::size_t>(k)][last] = width_;
  }

  std::byte* part(std::byte* acc, std::int64_t i) const { return acc + i * static_cast<std::int64_t>(loops_.acc_size); }
  std::byte* out_at(const NestWalk& at) const {
    return ops_[inputs_].data + at[inputs_] * static_cast<std::int64_t>(ops_[inputs_].size);
  }
  void fill(std::byte* room, const std::byte* value, std::size_t size) const {
    copy_strided(room, 1, value, 0, block_length, size);
  }
  /// n elements of every operand, from `skip` behind `at` on.
  void join(const NestWalk& at, std::int64_t n, std::byte* acc, std::int64_t mask, std::int64_t skip = 0) const {
    const std::byte* p[max_operands];
    for (int k = 0; k < inputs_; ++k) p[k] = ops_[k].data + (at[k] + skip) * static_cast<std::int64_t>(ops_[k].size);
    const std::int64_t done = plain_ && loops_.blocks != nullptr ? n / block_length * block_length : 0;
    if (done > 0) {
      alignas(64) std::byte room[max_operands][block_length * Rooms::max_size];
      const std::byte* q[max_operands];
      for (int k = 0; k < inputs_; ++k) {
        q[k] = stride_[k] == 0 ? room[k] : p[k];
        if (stride_[k] == 0) fill(room[k], p[k], ops_[k].size);
        p[k] += done * stride_[k] * static_cast<std::int64_t>(ops_[k].size);
      }
      loops_.blocks(r_, done, acc, mask, q, stride_);
    }
    if (done < n) loops_.some(r_, n - done, part(acc, done & mask), mask, p, stride_);
  }
  /// `rows` rows, of each the n elements at `at`, as one value in acc: running values side by side, joined in pairs.
  void join_rows(NestWalk& at, std::int64_t rows, std::int64_t n, std::byte* acc) const {
    const std::int64_t lanes = n >= 2 * reduce_lanes ? reduce_lanes : block_length;
    loops_.clear(r_, lanes, acc);
    for (std::int64_t row = 0; row < rows; ++row, at.next()) join(at, n, acc, lanes - 1);
    loops_.fold(r_, lanes, acc);
  }
  /// acc = parts of `count` values each, joined in pairs.
  void join_parts(std::byte* acc, std::int64_t parts, std::int64_t count) const {
    for (std::int64_t half; parts > 1; parts = half) {
      half = (parts + 1) / 2;
      loops_.join(r_, (parts - half) * count, acc, part(acc, half * count));
    }
  }

  void rows() const {
    parallel_for(kept_, 1 + reduce_chunk / (joined_ * n_ + 1), [&](std::int64_t b, std::int64_t e) {
      Lanes acc;
      NestWalk at(nest_, b * joined_, 0);
      for (std::int64_t k = b; k < e; ++k) {
        std::byte* out = out_at(at);
        join_rows(at, joined_, empty_ ? 0 : n_, acc.bytes);
        loops_.store(r_, 1, acc.bytes, out, 1, accumulate_);
      }
    });
  }
  /// Partial results of chunks that only the size decides.
  void long_rows() const {
    const std::int64_t cuts = n_ > reduce_chunk ? (n_ + reduce_chunk - 1) / reduce_chunk : 1;
    const std::int64_t stack = n_ > reduce_chunk ? 1 : reduce_chunk / n_;
    const std::int64_t chunks = (joined_ + stack - 1) / stack * cuts;
    std::byte* partial =
        scratch<std::byte>(Scratch::partial, kept_ * chunks * static_cast<std::int64_t>(loops_.acc_size));
    parallel_for(kept_ * chunks, 1, [&](std::int64_t b, std::int64_t e) {
      Lanes acc;
      for (std::int64_t t = b; t < e; ++t) {
        const std::int64_t first = t % chunks / cuts * stack, begin = t % chunks % cuts * reduce_chunk;
        NestWalk at(nest_, t / chunks * joined_ + first, begin);
        join_rows(at, std::min(stack, joined_ - first), cuts == 1 ? n_ : std::min(reduce_chunk, n_ - begin), acc.bytes);
        std::memcpy(part(partial, t), acc.bytes, loops_.acc_size);
      }
    });
    for (std::int64_t k = 0; k < kept_; ++k) {
      join_parts(part(partial, k * chunks), chunks, 1);
      loops_.store(r_, 1, part(partial, k * chunks), out_at(NestWalk(nest_, k * joined_, 0)), 1, accumulate_);
    }
  }

  /// One value a column: tiles of columns go down the rows, in pieces if these are many.
  void columns() const {
    const std::int64_t tiles = (width_ + reduce_tile - 1) / reduce_tile, lanes = std::min(reduce_tile, width_);
    const std::int64_t pieces = (joined_ + reduce_rows - 1) / reduce_rows, tasks = kept_ * tiles * pieces;
    std::byte* partial = nullptr;
    if (pieces > 1)
      partial = scratch<std::byte>(Scratch::partial, tasks * lanes * static_cast<std::int64_t>(loops_.acc_size));
    const std::int64_t work = (std::min(joined_, reduce_rows) + 1) * lanes;
    parallel_for(tasks, 1 + reduce_chunk / work, [&](std::int64_t b, std::int64_t e) {
      Lanes total;
      for (std::int64_t t = b; t < e; ++t) {
        std::byte* acc = partial != nullptr ? part(partial, t * lanes) : total.bytes;
        join_columns(t / pieces / tiles, t / pieces % tiles, t % pieces, pieces, lanes, acc);
        if (partial == nullptr) store_columns(t / tiles, t % tiles, acc);
      }
    });
    if (partial == nullptr) return;
    for (std::int64_t t = 0; t < kept_ * tiles; ++t) {
      std::byte* acc = part(partial, t * pieces * lanes);
      join_parts(acc, pieces, lanes);
      store_columns(t / tiles, t % tiles, acc);
    }
  }
  void join_columns(std::int64_t kept, std::int64_t tile, std::int64_t piece, std::int64_t pieces, std::int64_t lanes,
                    std::byte* acc) const {
    Lanes group;
    const std::int64_t begin = tile * reduce_tile, n = std::min(reduce_tile, width_ - begin);
    std::int64_t row = piece * reduce_rows;
    const std::int64_t last = empty_ ? row : std::min(row + reduce_rows, joined_);
    NestWalk at(nest_, kept * joined_ + row, begin);
    loops_.clear(r_, lanes, acc);
    while (row < last) {
      loops_.clear(r_, n, group.bytes);
      for (const auto stop = std::min(row + reduce_group, last); row < stop; ++row, at.next())
        join(at, n, group.bytes, -1);
      loops_.join(r_, n, acc, group.bytes);
    }
    if (rest_ > 0 && piece + 1 == pieces) join(NestWalk(nest_, kept * joined_, 0), rest_, acc, -1, joined_ * width_);
  }
  void store_columns(std::int64_t kept, std::int64_t tile, std::byte* acc) const {
    for (std::int64_t at = n_; at < width_; at += n_) loops_.join(r_, n_, acc, part(acc, at));
    const NestWalk at(nest_, kept * joined_, tile * reduce_tile);
    loops_.store(r_, wide() ? n_ : std::min(reduce_tile, n_ - tile * reduce_tile), acc, out_at(at),
                 nest_.inner_stride(inputs_), accumulate_);
  }
  bool wide() const { return width_ != n_; }

  const ReduceLoops& loops_;
  const void* r_;
  const Erased* ops_;
  int inputs_;
  bool accumulate_, plain_ = true, empty_ = false;
  Nest nest_;
  std::int64_t kept_, joined_;         ///< Rows of the output, and rows that become one.
  std::int64_t n_, width_, rest_ = 0;  ///< Elements of a row, of several read as one, and of those left over.
  std::int64_t stride_[max_operands];
};

}  // namespace detail

/// R gives Acc, identity(), map(in...), combine(Acc, Acc) and finish(Acc). The nest's operands are the inputs, then the
/// output with stride 0 along what is reduced. With `accumulate` the result is added to what is there. Partial results
/// are cut by size, so the bits are the same for any number of threads.
template <class R, class O, class... I>
void reduce(const R& r, const Nest& nest, bool accumulate, O* out, const I*... in) {
  static_assert(sizeof(typename R::Acc) <= 48 && std::is_trivially_copyable_v<typename R::Acc>);
  const Erased ops[] = {erase(in)..., erase(out)};
  const auto loops = detail::ReduceOps<R, O, I...>::loops();
  detail::Reduction(nest, loops, &r, ops, accumulate).run();
}

/// Sum, carried in accumulate_t.
template <class T>
struct Sum {
  using Acc = accumulate_t<T>;
  static Acc identity() { return Acc(0); }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return static_cast<Acc>(a + b); }
  static Acc finish(Acc a) { return a; }
};

}  // namespace shunt::kernels
