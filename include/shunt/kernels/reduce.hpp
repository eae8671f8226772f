// out[kept] = finish(combine over reduced of map(in...)), for any dimensions and strides.
#pragma once

#include <vector>

#include "shunt/kernels/elementwise.hpp"

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

/// Columns reduced together while the rows go by.
inline constexpr std::int64_t reduce_tile = 128;
/// Elements of one partial result when a whole tensor becomes one value.
inline constexpr std::int64_t reduce_chunk = 1 << 15;
/// Rows joined before they are added to what earlier ones gave, so that a long sum in float loses little.
inline constexpr std::int64_t reduce_group = 64;

/// A reduction as the driver sees it. An accumulator is the type R::Acc, held by the caller.
struct ReduceLoops {
  std::size_t acc_size;
  void (*clear)(const void* r, std::int64_t n, void* acc);
  /// acc[i * acc_step] joined with map(in[i]...) for whole blocks of dense operands; acc_step is 0 or 1.
  void (*blocks)(const void* r, std::int64_t n, void* acc, std::int64_t acc_step, const std::byte* const* p);
  /// The same for any n and strides; with acc_step 0 element i goes to acc[i % block_length].
  void (*some)(const void* r, std::int64_t n, void* acc, std::int64_t acc_step, const std::byte* const* p,
               const std::int64_t* stride);
  /// acc[i] joined with other[i].
  void (*join)(const void* r, std::int64_t n, void* acc, const void* other);
  /// out[i * stride] = or += finish(acc[i])
  void (*store)(const void* r, std::int64_t n, const void* acc, std::byte* out, std::int64_t stride, bool accumulate);
};

namespace detail {

template <class R, class... I, std::size_t... K>
void reduce_some_of(const R& r, std::int64_t n, typename R::Acc* acc, std::int64_t acc_step, const std::byte* const* p,
                    const std::int64_t* stride, std::index_sequence<K...>) {
  for (std::int64_t i = 0; i < n; ++i) {
    auto& a = acc[acc_step == 0 ? i % block_length : i];
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
  static void some(const void* r, std::int64_t n, void* acc, std::int64_t acc_step, const std::byte* const* p,
                   const std::int64_t* stride) {
    reduce_some_of<R, I...>(of(r), n, static_cast<A*>(acc), acc_step, p, stride, std::index_sequence_for<I...>{});
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
    ReduceLoops l{sizeof(A), clear, nullptr, some, join, store};
    if constexpr (std::is_arithmetic_v<A> && (std::is_arithmetic_v<I> && ...))
      l.blocks = by_isa(portable::reduce_blocks<R, I...>, avx2::reduce_blocks<R, I...>, avx512::reduce_blocks<R, I...>);
    return l;
  }
};

/// One reduction over a nest whose last operand is the output, with stride 0 along what is reduced.
class Reduction {
 public:
  Reduction(const Nest& nest, const ReduceLoops& loops, const void* r, const Erased* ops, bool accumulate)
      : loops_(loops), r_(r), ops_(ops), inputs_(nest.operands - 1), accumulate_(accumulate) {
    // The reduced loops go inside the kept ones; the innermost stays where the input runs fastest.
    nest_.operands = nest.operands;
    kept_ = joined_ = 1;
    const Shape& out = nest.stride[static_cast<std::size_t>(inputs_)];
    for (int d = 0; d < nest.inner_dim(); ++d)
      if (out[d] != 0) nest_.push(nest.size[d], nest, d), kept_ *= nest.size[d];
    for (int d = 0; d < nest.inner_dim(); ++d)
      if (out[d] == 0) {
        const std::int64_t n = std::max<std::int64_t>(nest.size[d], 1);  // the walk goes over nothing once, and joins 0
        nest_.push(n, nest, d), joined_ *= n;
        empty_ = empty_ || nest.size[d] == 0;
      }
    nest_.push(nest.inner(), nest, nest.inner_dim());
    n_ = nest.inner();
    for (int k = 0; k < inputs_; ++k) {
      stride_[k] = nest_.inner_stride(k);
      dense_ = dense_ && stride_[k] == 1;
    }
  }

  void run() const {
    if (kept_ == 0) return;
    if (nest_.inner_stride(inputs_) != 0)
      columns();
    else if (kept_ == 1 && !empty_ && joined_ * n_ > reduce_chunk)
      everything();
    else
      rows();
  }

 private:
  static constexpr std::size_t max_acc = 48;
  struct Lanes {
    alignas(64) std::byte bytes[static_cast<std::size_t>(reduce_tile) * max_acc];
  };

  void join(const NestWalk& at, std::int64_t n, void* acc, std::int64_t acc_step) const {
    const std::byte* p[max_operands];
    for (int k = 0; k < inputs_; ++k) p[k] = ops_[k].data + at[k] * static_cast<std::int64_t>(ops_[k].size);
    std::int64_t done = 0;
    if (dense_ && loops_.blocks != nullptr && (done = n / block_length * block_length) > 0) {
      loops_.blocks(r_, done, acc, acc_step, p);
      for (int k = 0; k < inputs_; ++k) p[k] += done * static_cast<std::int64_t>(ops_[k].size);
    }
    if (done < n)
      loops_.some(r_, n - done,
                  static_cast<std::byte*>(acc) + acc_step * done * static_cast<std::int64_t>(loops_.acc_size), acc_step,
                  p, stride_);
  }
  /// Rows [first, last), of each the n elements from `begin` on, as one value: 32 running values side by side, joined
  /// pairwise at the end.
  void rows_into(std::byte* total, std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t n) const {
    Lanes acc;
    loops_.clear(r_, block_length, acc.bytes);
    NestWalk at(nest_, first, begin);
    for (std::int64_t row = first; row < last; ++row, at.next()) join(at, n, acc.bytes, 0);
    for (int half = block_length / 2; half > 0; half /= 2)
      loops_.join(r_, half, acc.bytes, acc.bytes + static_cast<std::size_t>(half) * loops_.acc_size);
    std::memcpy(total, acc.bytes, loops_.acc_size);
  }
  std::byte* out_at(const NestWalk& at) const {
    return ops_[inputs_].data + at[inputs_] * static_cast<std::int64_t>(ops_[inputs_].size);
  }

  void rows() const {
    parallel_for(kept_, 1 + reduce_chunk / (joined_ * n_ + 1), [&](std::int64_t b, std::int64_t e) {
      alignas(64) std::byte total[max_acc];
      for (std::int64_t k = b; k < e; ++k) {
        rows_into(total, k * joined_, (k + 1) * joined_, 0, empty_ ? 0 : n_);
        loops_.store(r_, 1, total, out_at(NestWalk(nest_, k * joined_, 0)), 1, accumulate_);
      }
    });
  }
  /// Everything becomes one value: partial results of chunks that only the size decides, joined pairwise.
  void everything() const {
    const std::int64_t cuts = n_ > reduce_chunk ? (n_ + reduce_chunk - 1) / reduce_chunk : 1;
    const std::int64_t stack = n_ > reduce_chunk ? 1 : reduce_chunk / n_;
    const std::int64_t chunks = (joined_ + stack - 1) / stack * cuts;
    const std::size_t size = loops_.acc_size;
    std::vector<std::byte> partial(static_cast<std::size_t>(chunks) * size);
    parallel_for(chunks, 1, [&](std::int64_t b, std::int64_t e) {
      for (std::int64_t c = b; c < e; ++c) {
        const std::int64_t first = c / cuts * stack, begin = c % cuts * reduce_chunk;
        rows_into(&partial[static_cast<std::size_t>(c) * size], first, std::min(first + stack, joined_), begin,
                  cuts == 1 ? n_ : std::min(reduce_chunk, n_ - begin));
      }
    });
    for (std::int64_t width = chunks; width > 1;) {
      const std::int64_t half = (width + 1) / 2;
      loops_.join(r_, width - half, partial.data(), &partial[static_cast<std::size_t>(half) * size]);
      width = half;
    }
    loops_.store(r_, 1, partial.data(), out_at(NestWalk(nest_, 0, 0)), 1, accumulate_);
  }
  void columns() const {
    const std::int64_t tiles = (n_ + reduce_tile - 1) / reduce_tile;
    const std::int64_t work = (joined_ + 1) * std::min(n_, reduce_tile);
    parallel_for(kept_ * tiles, 1 + reduce_chunk / (work + 1), [&](std::int64_t b, std::int64_t e) {
      Lanes total, group;
      for (std::int64_t t = b; t < e; ++t) {
        const std::int64_t begin = t % tiles * reduce_tile, n = std::min(reduce_tile, n_ - begin);
        std::int64_t row = t / tiles * joined_;
        const std::int64_t last = empty_ ? row : row + joined_;
        NestWalk at(nest_, row, begin);
        std::byte* out = out_at(at);
        loops_.clear(r_, n, total.bytes);
        while (row < last) {
          loops_.clear(r_, n, group.bytes);
          for (const auto stop = std::min(row + reduce_group, last); row < stop; ++row, at.next())
            join(at, n, group.bytes, 1);
          loops_.join(r_, n, total.bytes, group.bytes);
        }
        loops_.store(r_, n, total.bytes, out, nest_.inner_stride(inputs_), accumulate_);
      }
    });
  }

  const ReduceLoops& loops_;
  const void* r_;
  const Erased* ops_;
  int inputs_;
  bool accumulate_, dense_ = true, empty_ = false;
  Nest nest_;
  std::int64_t kept_, joined_, n_, stride_[max_operands];
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
