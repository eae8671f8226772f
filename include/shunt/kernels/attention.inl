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
/// exp(p scale - shift)
template <class T>
struct ShiftedExp {
  const T* p;
  T scale, shift;
  T operator()(std::int64_t j) const { return math::exp(p[j] * scale - shift); }
};
/// The same, written in place of p; and that times dp, where there is one.
template <class T>
struct WrittenExp {
  T* p;
  ShiftedExp<T> f;
  T operator()(std::int64_t j) const { return p[j] = f(j); }
};
template <class T>
struct WrittenTimes {
  WrittenExp<T> f;
  const T* dp;
  T operator()(std::int64_t j) const { return f(j) * dp[j]; }
};
/// a + log(b)
template <class T>
struct PlusLog {
  const T *a, *b;
  T operator()(std::int64_t j) const { return a[j] + math::log(b[j]); }
};
template <class T>
struct Inverse {
  const T* p;
  T operator()(std::int64_t j) const { return T(1) / p[j]; }
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

/// What scores in rows of weights are still to be multiplied by: the exponential takes their scale along where it can.
template <class T>
inline T scale_left(const AttentionRows<T>& a) {
  return a.added == nullptr && a.scale > 0 ? a.scale : T(1);
}
/// Keys that row r may see at all.
template <class T>
inline std::int64_t seen_by(const AttentionRows<T>& a, std::int64_t r) {
  return a.causal && a.first + r + 1 < a.n ? a.first + r + 1 : a.n;
}
/// The products q k of row r as scores: masked, and scaled but for scale_left().
template <class T>
inline void finish_scores(const AttentionRows<T>& a, std::int64_t r, std::int64_t seen, T* p) {
  const ScaledScore<T> scaled{p, a.scale};
  if (a.added != nullptr)
    write_run(p, seen, AddedScore<T, ScaledScore<T>>{scaled, a.added + r * a.mask_row, a.mask_col});
  else if (!(a.scale > 0))
    write_run(p, seen, scaled);
  if (a.allowed != nullptr) write_run(p, seen, AllowedScore<T>{p, a.allowed + r * a.mask_row, a.mask_col});
  for (std::int64_t j = seen; j < a.n; ++j) p[j] = T(0);
}
template <class T>
inline void drop_weights(const AttentionRows<T>& a, std::int64_t r, T* p) {
  if (a.threshold == 0) return;
  const RandomStream row{a.stream.seed, a.stream.position + static_cast<std::uint64_t>(r) * a.row_blocks};
  dropout_groups<T>(0, (a.n + 63) / 64, a.n, p, p, row, a.threshold, a.keep, false);
}

/// Products become weights, in place, each row yet to be multiplied by inverse[r]: the values' average is shorter.
/// log_sum[r] is the logarithm of the row's sum of exponentials; infinity where nothing may be seen, which makes its
/// weights 0 when backward computes them again. Each step goes over all rows, so that one row's last additions run
/// beside the next row's first.
template <class T>
void attention_weights(const AttentionRows<T>& a, T* weights, T* inverse, T* log_sum) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T scale = scale_left(a);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T* const p = weights + r * a.n;
    const std::int64_t seen = seen_by(a, r);
    finish_scores(a, r, seen, p);
    log_sum[r] = largest_of(p, seen) * scale;
  }
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T* const p = weights + r * a.n;
    const std::int64_t seen = seen_by(a, r);
    const T largest = log_sum[r];
    if (largest == -infinity && std::all_of(p, p + seen, [](T x) { return x == -infinity; })) {  // no NaN among them
      for (std::int64_t j = 0; j < seen; ++j) p[j] = T(0);
      log_sum[r] = infinity;
      inverse[r] = T(1);
      continue;
    }
    inverse[r] = static_cast<T>(sum_run<T>(seen, WrittenExp<T>{p, {p, scale, largest}}));
    drop_weights(a, r, p);
  }
  write_run(log_sum, a.rows, PlusLog<T>{log_sum, inverse});
  write_run(inverse, a.rows, Inverse<T>{inverse});
}
/// Row r of y, n long, times factor[r].
template <class T>
void scale_rows(std::int64_t rows, std::int64_t n, T* y, std::int64_t step, const T* factor) {
  for (std::int64_t r = 0; r < rows; ++r) write_run(y + r * step, n, TimesNumber<T>{y + r * step, factor[r]});
}

/// Products become weights again (dropped ones go to `dropped` if there is dropout), and `grads`, the gradient of the
/// dropped weights, becomes that of the products; `added`, rows of all keys or null, gets that of the scores. `mean`
/// has room for a number a row.
template <class T>
void attention_weights_backward(const AttentionRows<T>& a, T* weights, T* dropped, T* grads, T* added,
                                std::int64_t keys, const T* log_sum, T* mean) {
  const T scale = scale_left(a);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T *p = weights + r * a.n, *dp = grads + r * a.n;
    const std::int64_t seen = seen_by(a, r);
    finish_scores(a, r, seen, p);
    const ShiftedExp<T> weight{p, scale, log_sum[r]};
    if (a.threshold == 0) {
      mean[r] = static_cast<T>(sum_run<T>(seen, WrittenTimes<T>{{p, weight}, dp}));
      continue;
    }
    T* kept = dropped + r * a.n;
    write_run(p, seen, weight);
    for (std::int64_t j = 0; j < a.n; ++j) kept[j] = p[j];
    drop_weights(a, r, kept);
    drop_weights(a, r, dp);
    mean[r] = static_cast<T>(sum_run<T>(seen, ProductOf<T>{p, dp}));
  }
  for (std::int64_t r = 0; r < a.rows; ++r) {
    T *p = weights + r * a.n, *dp = grads + r * a.n;
    if (added != nullptr) write_run(added + r * keys, a.n, ScoreGrad<T>{p, dp, mean[r], T(1)});
    write_run(dp, a.n, ScoreGrad<T>{p, dp, mean[r], a.scale});
  }
}
