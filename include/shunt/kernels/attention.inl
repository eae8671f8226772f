// Rows of attention weights for one instruction set; see attention.hpp.

template <class T>
struct ScaledScore {
  const T* p;
  T scale;
  T operator()(std::int64_t j) const { return p[j] * scale; }
};
template <class T, class F>
struct AddedScore {
  F f;
  const T* added;
  std::int64_t step;
  T operator()(std::int64_t j) const { return f(j) + added[j * step]; }
};
template <class T>
struct AllowedScore {
  const T* p;
  const bool* allowed;
  std::int64_t step;
  T operator()(std::int64_t j) const { return allowed[j * step] ? p[j] : -std::numeric_limits<T>::infinity(); }
};
/// exp(p - shift)
template <class T>
struct ShiftedExp {
  const T* p;
  T shift;
  T operator()(std::int64_t j) const { return math::exp(p[j] - shift); }
};
template <class T>
struct TimesNumber {
  const T* p;
  T v;
  T operator()(std::int64_t j) const { return p[j] * v; }
};
template <class T>
struct ProductOf {
  const T *a, *b;
  T operator()(std::int64_t j) const { return a[j] * b[j]; }
};
/// p (dp - mean) scale
template <class T>
struct ScoreGrad {
  const T *p, *dp;
  T mean, scale;
  T operator()(std::int64_t j) const { return p[j] * (dp[j] - mean) * scale; }
};

template <int L, class T>
[[gnu::always_inline]] inline void keep_larger(T* lanes, const T* p) {
  for (int j = 0; j < L; ++j) lanes[j] = p[j] > lanes[j] ? p[j] : lanes[j];
}
template <class T>
inline T largest_of(const T* p, std::int64_t n) {
  alignas(64) T lanes[32];
  for (int j = 0; j < 32; ++j) lanes[j] = -std::numeric_limits<T>::infinity();
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) keep_larger<32>(lanes, p + i);
  for (; i + 8 <= n; i += 8) keep_larger<8>(lanes, p + i);
  for (; i < n; ++i) lanes[0] = p[i] > lanes[0] ? p[i] : lanes[0];
  keep_larger<16>(lanes, lanes + 16);
  keep_larger<8>(lanes, lanes + 8);
  keep_larger<4>(lanes, lanes + 4);
  keep_larger<2>(lanes, lanes + 2);
  return lanes[1] > lanes[0] ? lanes[1] : lanes[0];
}

/// The products q k of row r as scores: scaled and masked. The number of keys that the row may see at all.
template <class T>
inline std::int64_t finish_scores(const AttentionRows<T>& a, std::int64_t r, T* p) {
  const std::int64_t seen = a.causal && a.first + r + 1 < a.n ? a.first + r + 1 : a.n;
  const ScaledScore<T> scaled{p, a.scale};
  if (a.added == nullptr)
    write_run(p, seen, scaled);
  else
    write_run(p, seen, AddedScore<T, ScaledScore<T>>{scaled, a.added + r * a.mask_row, a.mask_col});
  if (a.allowed != nullptr) write_run(p, seen, AllowedScore<T>{p, a.allowed + r * a.mask_row, a.mask_col});
  for (std::int64_t j = seen; j < a.n; ++j) p[j] = T(0);
  return seen;
}
template <class T>
inline void drop_weights(const AttentionRows<T>& a, std::int64_t r, T* p) {
  if (a.threshold == 0) return;
  const RandomStream row{a.stream.seed, a.stream.position + static_cast<std::uint64_t>(r) * a.row_blocks};
  dropout_groups<T>(0, (a.n + 63) / 64, a.n, p, p, row, a.threshold, a.keep, false);
}

/// Products become weights, in place. log_sum[r] is the logarithm of the row's sum of exponentials; infinity where
/// nothing may be seen, which makes its weights 0 when backward computes them again.
template <class T>
void attention_weights(const AttentionRows<T>& a, T* weights, T* log_sum) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T* p = weights + r * a.n;
    const std::int64_t seen = finish_scores(a, r, p);
    const T largest = largest_of(p, seen);
    if (largest == -std::numeric_limits<T>::infinity()) {
      log_sum[r] = std::numeric_limits<T>::infinity();
      for (std::int64_t j = 0; j < seen; ++j) p[j] = T(0);
      continue;
    }
    write_run(p, seen, ShiftedExp<T>{p, largest});
    const auto sum = sum_run<T>(seen, NormValue<T>{p});
    log_sum[r] = largest + static_cast<T>(math::log(sum));
    write_run(p, seen, TimesNumber<T>{p, static_cast<T>(1 / sum)});
    drop_weights(a, r, p);
  }
}

/// Products become weights again (dropped ones go to `dropped` if there is dropout), and `grads`, the gradient of the
/// dropped weights, becomes that of the products; `added`, rows of all keys or null, gets that of the scores.
template <class T>
void attention_weights_backward(const AttentionRows<T>& a, T* weights, T* dropped, T* grads, T* added,
                                std::int64_t keys, const T* log_sum) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T *p = weights + r * a.n, *dp = grads + r * a.n;
    const std::int64_t seen = finish_scores(a, r, p);
    write_run(p, seen, ShiftedExp<T>{p, log_sum[r]});
    if (a.threshold != 0) {
      T* kept = dropped + r * a.n;
      for (std::int64_t j = 0; j < a.n; ++j) kept[j] = p[j];
      drop_weights(a, r, kept);
      drop_weights(a, r, dp);
    }
    const T mean = static_cast<T>(sum_run<T>(seen, ProductOf<T>{p, dp}));
    if (added != nullptr) write_run(added + r * keys, a.n, ScoreGrad<T>{p, dp, mean, T(1)});
    write_run(dp, a.n, ScoreGrad<T>{p, dp, mean, a.scale});
  }
}
