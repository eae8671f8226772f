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

template <class R, class... I, std::size_t... K>
inline void reduce_blocks_of(const R& r, std::int64_t n, typename R::Acc* acc, std::int64_t acc_step,
                             const std::byte* const* p, std::index_sequence<K...>) {
  for (std::int64_t i = 0; i < n; i += block_length)
    reduce_block(r, acc + i * acc_step, (reinterpret_cast<const I*>(p[K]) + i)...);
}

template <class R, class... I>
void reduce_blocks(const void* r, std::int64_t n, void* acc, std::int64_t acc_step, const std::byte* const* p) {
  reduce_blocks_of<R, I...>(*static_cast<const R*>(r), n, static_cast<typename R::Acc*>(acc), acc_step, p,
                            std::index_sequence_for<I...>{});
}
