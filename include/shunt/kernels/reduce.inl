// One instruction set's copy of the reduction loops; see reduce.hpp.

template <class R, class A, class... I>
inline void reduce_block(const R& r, A* acc, const I*... in) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < block_length; ++j) acc[j] = r.combine(acc[j], r.map(in[j]...));
}

template <class R, class A>
inline void reduce_block_pair(const R& r, A* acc, const A* other) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < block_length; ++j) acc[j] = r.combine(acc[j], other[j]);
}

template <class R, class... I, std::size_t... K>
inline void reduce_blocks_of(const R& r, std::int64_t n, typename R::Acc* acc, std::int64_t mask,
                             const std::byte* const* p, const std::int64_t* step, std::index_sequence<K...>) {
  for (std::int64_t i = 0; i < n; i += block_length)
    reduce_block(r, acc + (i & mask), (reinterpret_cast<const I*>(p[K]) + i * step[K])...);
}

template <class R, class... I>
void reduce_blocks(const void* r, std::int64_t n, void* acc, std::int64_t mask, const std::byte* const* p,
                   const std::int64_t* step) {
  reduce_blocks_of<R, I...>(*static_cast<const R*>(r), n, static_cast<typename R::Acc*>(acc), mask, p, step,
                            std::index_sequence_for<I...>{});
}

template <int Half, class R, class A>
inline void reduce_half(const R& r, A* acc) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < Half; ++j) acc[j] = r.combine(acc[j], acc[j + Half]);
  if constexpr (Half > 1) reduce_half<Half / 2>(r, acc);
}

template <class R>
void reduce_fold(const void* r, std::int64_t n, void* acc) {
  const R& op = *static_cast<const R*>(r);
  auto* a = static_cast<typename R::Acc*>(acc);
  for (; n > block_length; n -= block_length) reduce_block_pair(op, a, a + n - block_length);
  reduce_half<block_length / 2>(op, a);
}
