// Loops over a run of contiguous elements, of which a function object tells the values by position.

template <int L, class A, class F>
[[gnu::always_inline]] inline void add_block(A* lanes, std::int64_t i, const F& f) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < L; ++j) lanes[j] += f(i + j);
}
template <int L, class T, class F>
[[gnu::always_inline]] inline void write_block(T* y, std::int64_t i, const F& f) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < L; ++j) y[i + j] = static_cast<T>(f(i + j));
}

template <int L, class A>
[[gnu::always_inline]] inline void halve(A* lanes) {
  for (int j = 0; j < L; ++j) lanes[j] += lanes[j + L];
}
template <class A>
[[gnu::always_inline]] inline A join_lanes(A* lanes) {
  halve<16>(lanes);
  halve<8>(lanes);
  halve<4>(lanes);
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

/// The sum of f(0) .. f(n - 1): 32 running sums in A, joined every few thousand elements in the wider type.
template <class A, class F>
[[gnu::always_inline]] inline norm_sum_t<A> sum_run(std::int64_t n, const F& f) {
  norm_sum_t<A> total(0);
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t end = n - i > norm_chunk ? i + norm_chunk : n;
    alignas(64) A lanes[32] = {};
    for (; i + 32 <= end; i += 32) add_block<32>(lanes, i, f);
    for (; i + 8 <= end; i += 8) add_block<8>(lanes, i, f);
    for (; i < end; ++i) lanes[0] += f(i);
    total += shunt::detail::convert<norm_sum_t<A>>(join_lanes(lanes));
  }
  return total;
}
/// y[i] = f(i)
template <class T, class F>
[[gnu::always_inline]] inline void write_run(T* y, std::int64_t n, const F& f) {
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) write_block<32>(y, i, f);
  for (; i + 8 <= n; i += 8) write_block<8>(y, i, f);
  for (; i < n; ++i) y[i] = static_cast<T>(f(i));
}

template <class T>
struct NormValue {
  using A = accumulate_t<T>;
  const T* x;
  A operator()(std::int64_t i) const { return static_cast<A>(x[i]); }
};
/// (x - mean)^2
template <class T>
struct NormSquare {
  using A = accumulate_t<T>;
  const T* x;
  A mean;
  A operator()(std::int64_t i) const {
    const A d = static_cast<A>(x[i]) - mean;
    return d * d;
  }
};
/// g (x - mean)
template <class T>
struct NormProduct {
  using A = accumulate_t<T>;
  const T *g, *x;
  A mean;
  A operator()(std::int64_t i) const { return static_cast<A>(g[i]) * (static_cast<A>(x[i]) - mean); }
};
/// (x - mean) a + b
template <class T>
struct NormScaled {
  using A = accumulate_t<T>;
  const T* x;
  A mean, a, b;
  A operator()(std::int64_t i) const { return (static_cast<A>(x[i]) - mean) * a + b; }
};
/// g p - (x - mean) q - r
template <class T>
struct NormGrad {
  using A = accumulate_t<T>;
  const T *g, *x;
  A mean, p, q, r;
  A operator()(std::int64_t i) const { return static_cast<A>(g[i]) * p - (static_cast<A>(x[i]) - mean) * q - r; }
};
/// base + f
template <class T, class F>
struct NormOnto {
  using A = accumulate_t<T>;
  const T* base;
  F f;
  A operator()(std::int64_t i) const { return static_cast<A>(base[i]) + f(i); }
};
/// write_run() of f, or of base + f where there is a base.
template <class T, class F>
[[gnu::always_inline]] inline void write_onto(T* y, const T* base, std::int64_t n, const F& f) {
  if (base == nullptr)
    write_run(y, n, f);
  else
    write_run(y, n, NormOnto<T, F>{base, f});
}
