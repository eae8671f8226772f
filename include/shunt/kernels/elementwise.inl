// One instruction set's copy of the elementwise loops; see elementwise.hpp.

// Flat: a function object that is not inlined, however large, makes a loop of calls of this one.
template <class F, class O, class... I>
[[gnu::flatten]] inline void map_block(const F& f, O* out, const I*... in) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < block_length; ++j) out[j] = static_cast<O>(f(in[j]...));
}

template <class F>
struct InNear {
  const F& f;
  const math::Near& near;
  template <class... I>
  [[gnu::always_inline]] auto operator()(I... in) const {
    return f(in..., near);
  }
};
// What math::Near does not reach is computed one by one; `out` may be one of the inputs.
template <class F, class O, class... I>
inline void map_near_block(const F& f, O* out, const I*... in) {
  O result[block_length];
  const math::Near near;
  map_block(InNear<F>{f, near}, result, in...);
  int missing = 0;
  for (int j = 0; j < block_length; ++j) missing |= result[j] != result[j];
  for (int j = 0; j < block_length && missing != 0; ++j)
    if (result[j] != result[j]) result[j] = f(in[j]...);
  for (int j = 0; j < block_length; ++j) out[j] = result[j];
}

template <class F>
struct OfRoot {
  const F& f;
  template <class T>
  [[gnu::always_inline]] T operator()(T root) const {
    return f.of_root(root);
  }
};
template <class F, class T>
inline void map_roots_block(const F& f, T* out, const T* in) {
  sqrt_block(in, out);
  map_block(OfRoot<F>{f}, out, out);
}

template <class F, class O, class... I, std::size_t... K>
inline void map_blocks_of(const F& f, std::int64_t n, std::byte* const* p, const std::int64_t* step,
                          std::index_sequence<K...>) {
  O* out = reinterpret_cast<O*>(p[0]);
  for (std::int64_t i = 0; i < n; i += block_length) {
    if constexpr (TakesNear<F, I...>)
      map_near_block(f, out + i, (reinterpret_cast<const I*>(p[K + 1]) + i * step[K + 1])...);
    else if constexpr (TakesRoot<F, O, I...>)
      map_roots_block(f, out + i, (reinterpret_cast<const I*>(p[K + 1]) + i * step[K + 1])...);
    else
      map_block(f, out + i, (reinterpret_cast<const I*>(p[K + 1]) + i * step[K + 1])...);
  }
}

template <class F, class O, class... I>
void map_blocks(const void* f, std::int64_t n, std::byte* const* p, const std::int64_t* step) {
  map_blocks_of<F, O, I...>(*static_cast<const F*>(f), n, p, step, std::index_sequence_for<I...>{});
}
