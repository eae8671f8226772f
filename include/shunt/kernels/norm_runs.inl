// Normalisation of sets that are runs of contiguous elements, each run under one weight: batch, group, instance norm.

/// Mean and biased variance of one set.
template <class T>
struct NormMoments {
  accumulate_t<T> mean, var;
};
template <class T>
inline NormMoments<T> moments_of(const NormShape& s, const T* x) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.count()));
  W total(0);
  for (std::int64_t run = 0; run < s.runs; ++run) total += sum_run<A>(s.length, NormValue<T>{x + run * s.run_step});
  const A mean = shunt::detail::convert<A>(total / count);
  total = W(0);
  for (std::int64_t run = 0; run < s.runs; ++run)
    total += sum_run<A>(s.length, NormSquare<T>{x + run * s.run_step, mean});
  return {mean, shunt::detail::convert<A>(total / count)};
}

template <class T>
void norm_runs_forward(const NormShape& s, const NormForward<T>& p, std::int64_t begin, std::int64_t end) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  for (std::int64_t set = begin; set < end; ++set) {
    const std::int64_t at = set * s.set_step, channel = set % s.period * s.w_set;
    if (!p.fixed) {
      const auto m = moments_of(s, p.x + at);
      p.mean[set] = m.mean;
      if (p.var != nullptr) p.var[set] = m.var;
      p.rstd[set] = norm_rstd(shunt::detail::convert<W>(m.var), p.eps, A{});
    }
    const A mean = p.mean[set], rstd = p.rstd[set];
    for (std::int64_t run = 0; run < s.runs; ++run) {
      const std::int64_t k = channel + run * s.w_run, i = at + run * s.run_step;
      const A a = p.w == nullptr ? rstd : static_cast<A>(rstd * static_cast<A>(p.w[k]));
      const A b = p.b == nullptr ? A(0) : static_cast<A>(p.b[k]);
      write_onto(p.y + i, p.base == nullptr ? nullptr : p.base + i, s.length, NormScaled<T>{p.x + i, mean, a, b});
    }
  }
}

template <class T>
void norm_runs_backward(const NormShape& s, const NormBackward<T>& p, std::int64_t begin, std::int64_t end) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.count()));
  for (std::int64_t set = begin; set < end; ++set) {
    const std::int64_t at = set * s.set_step, channel = set % s.period * s.w_set;
    const std::int64_t row = set / s.period * s.period * s.w_set;
    const A mean = p.mean[set], rstd = p.rstd[set];
    W sum_g(0), sum_gx(0), weighted_g(0), weighted_gx(0);
    if (!p.fixed || p.dw != nullptr || p.db != nullptr) {
      for (std::int64_t run = 0; run < s.runs; ++run) {
        const std::int64_t k = channel + run * s.w_run, i = at + run * s.run_step;
        W g(0), gx(0);
        for (std::int64_t j = 0; j < s.length; j += norm_chunk) {  // the second sum finds its elements in the cache
          const std::int64_t n = s.length - j > norm_chunk ? norm_chunk : s.length - j;
          g += sum_run<A>(n, NormValue<T>{p.g + i + j});
          gx += sum_run<A>(n, NormProduct<T>{p.g + i + j, p.x + i + j, mean});
        }
        gx *= shunt::detail::convert<W>(rstd);
        sum_g = s.w_run == 0 ? sum_g + g : g;
        sum_gx = s.w_run == 0 ? sum_gx + gx : gx;
        if (p.db != nullptr) p.db[row + k] = shunt::detail::convert<A>(sum_g);
        if (p.dw != nullptr) p.dw[row + k] = shunt::detail::convert<A>(sum_gx);
        const W w = p.w == nullptr ? W(1) : shunt::detail::convert<W>(static_cast<A>(p.w[k]));
        weighted_g += w * g;
        weighted_gx += w * gx;
      }
    }
    if (p.dx == nullptr) continue;
    const A q = p.fixed ? A(0) : static_cast<A>(rstd * rstd * shunt::detail::convert<A>(weighted_gx / count));
    const A r = p.fixed ? A(0) : static_cast<A>(rstd * shunt::detail::convert<A>(weighted_g / count));
    for (std::int64_t run = 0; run < s.runs; ++run) {
      const std::int64_t k = channel + run * s.w_run, i = at + run * s.run_step;
      const A w = p.w == nullptr ? rstd : static_cast<A>(rstd * static_cast<A>(p.w[k]));
      const T* old = p.accumulate ? p.dx + i : nullptr;
      if (p.fixed)  // whatever x is: a NaN there stays out
        write_onto(p.dx + i, old, s.length, NormScaled<T>{p.g + i, A(0), w, A(0)});
      else
        write_onto(p.dx + i, old, s.length, NormGrad<T>{p.g + i, p.x + i, mean, w, q, r});
    }
  }
}
