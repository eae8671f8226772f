// out[kept] = finish(combine over reduced of map(in...)), for any dimensions and strides.
#pragma once

#include <algorithm>
#include <vector>

#include "shunt/kernels/elementwise.hpp"

namespace shunt::kernels {

/// Columns reduced together while the rows go by.
inline constexpr std::int64_t reduce_tile = 128;
/// Elements of one partial result when a whole tensor becomes one value.
inline constexpr std::int64_t reduce_chunk = 1 << 15;

}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/reduce.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {
namespace detail {

/// The nest with the reduced loops (where the last operand, the output, stands still) inside the kept ones; the
/// innermost loop stays where the input runs fastest. Gives the number of kept rows.
template <int N>
std::int64_t kept_outside(Nest<N>& nest) {
  Nest<N> out;
  std::int64_t kept = 1;
  const int inner = nest.size.rank() - 1;
  const auto take = [&](int d) {
    out.size.push_back(nest.size[d]);
    for (std::size_t k = 0; k < N; ++k) out.stride[k].push_back(nest.stride[k][d]);
  };
  for (int d = 0; d < inner; ++d)
    if (nest.stride[N - 1][d] != 0) take(d), kept *= nest.size[d];
  for (int d = 0; d < inner; ++d)
    if (nest.stride[N - 1][d] == 0) take(d);
  take(inner);
  nest = out;
  return kept;
}

}  // namespace detail

/// R gives Acc, identity(), map(in...), combine(Acc, Acc) and finish(Acc). The nest's operands are the inputs, then the
/// output with stride 0 along what is reduced. With `accumulate` the result is added to what is there. Partial results
/// are cut by size, so the bits are the same for any number of threads.
template <class R, class O, class... I>
void reduce(const R& r, Nest<1 + sizeof...(I)> nest, bool accumulate, O* out, const I*... in) {
  constexpr std::size_t N = 1 + sizeof...(I);
  using A = typename R::Acc;
  const auto part = [&](std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t n, bool columns, A* total) {
    if constexpr (std::is_arithmetic_v<A> && (std::is_arithmetic_v<I> && ...)) {
      by_isa(portable::reduce_part<R, I...>, avx2::reduce_part<R, I...>, avx512::reduce_part<R, I...>)(
          r, nest, first, last, begin, n, columns, total, in...);
    } else {
      portable::reduce_part<R, I...>(r, nest, first, last, begin, n, columns, total, in...);
    }
  };
  const auto store = [&](O* to, const A& total) {
    const O value = shunt::detail::convert<O>(r.finish(total));
    *to = accumulate ? static_cast<O>(*to + value) : value;
  };

  const std::int64_t kept = detail::kept_outside(nest);
  const int inner = nest.size.rank() - 1;
  const std::int64_t n = nest.inner(), rows = nest.rows(), joined = kept == 0 ? 0 : rows / kept;
  const std::int64_t step = nest.stride[N - 1][inner];
  if (kept == 0) return;
  if (step != 0) {  // columns are kept
    const std::int64_t tiles = (n + reduce_tile - 1) / reduce_tile;
    const std::int64_t work = (joined + 1) * (n < reduce_tile ? n : reduce_tile);
    parallel_for(kept * tiles, 1 + reduce_chunk / (work + 1), [&](std::int64_t b, std::int64_t e) {
      A total[reduce_tile];
      for (std::int64_t t = b; t < e; ++t) {
        const std::int64_t k = t / tiles, begin = (t % tiles) * reduce_tile;
        const std::int64_t width = n - begin < reduce_tile ? n - begin : reduce_tile;
        part(k * joined, (k + 1) * joined, begin, width, true, total);
        O* to = out + NestWalk<N>(nest, k * joined, begin)[N - 1];
        for (std::int64_t j = 0; j < width; ++j) store(to + j * step, total[j]);
      }
    });
  } else if (kept == 1 && joined * n > reduce_chunk) {  // everything becomes one value: partial results by chunks
    const std::int64_t cuts = n > reduce_chunk ? (n + reduce_chunk - 1) / reduce_chunk : 1;
    const std::int64_t stack = n > reduce_chunk ? 1 : reduce_chunk / n;  // rows of a chunk
    const std::int64_t chunks = ((joined + stack - 1) / stack) * cuts;
    std::vector<A> partial(static_cast<std::size_t>(chunks));
    parallel_for(chunks, 1, [&](std::int64_t b, std::int64_t e) {
      for (std::int64_t c = b; c < e; ++c) {
        const std::int64_t first = (c / cuts) * stack, begin = (c % cuts) * reduce_chunk;
        part(first, std::min(first + stack, joined), begin, cuts == 1 ? n : std::min(reduce_chunk, n - begin), false,
             &partial[static_cast<std::size_t>(c)]);
      }
    });
    for (std::size_t width = partial.size(); width > 1; width = (width + 1) / 2)
      for (std::size_t j = 0; j + (width + 1) / 2 < width; ++j)
        partial[j] = r.combine(partial[j], partial[j + (width + 1) / 2]);
    store(out, partial[0]);
  } else {  // rows become values
    parallel_for(kept, 1 + reduce_chunk / (joined * n + 1), [&](std::int64_t b, std::int64_t e) {
      NestWalk<N> at(nest, b * joined, 0);
      for (std::int64_t k = b; k < e; ++k) {
        A total;
        part(k * joined, (k + 1) * joined, 0, n, false, &total);
        store(out + at[N - 1], total);
        for (std::int64_t row = 0; row < joined; ++row) at.next();
      }
    });
  }
}

/// Sum, carried in accumulate_t.
template <class T>
struct Sum {
  using Acc = accumulate_t<T>;
  static Acc identity() { return Acc(0); }
  static Acc map(Acc x) { return x; }
  static Acc combine(Acc a, Acc b) { return a + b; }
  static Acc finish(Acc a) { return a; }
};

}  // namespace shunt::kernels
