// Normalisation of the columns of a matrix: batch norm of (n, channels). L columns go side by side.

template <class T>
struct ColumnSquare {
  using A = accumulate_t<T>;
  const T* x;
  const A* mean;
  A operator()(std::int64_t j) const {
    const A d = static_cast<A>(x[j]) - mean[j];
    return d * d;
  }
};
template <class T>
struct ColumnProduct {
  using A = accumulate_t<T>;
  const T *g, *x;
  const A* mean;
  A operator()(std::int64_t j) const { return static_cast<A>(g[j]) * (static_cast<A>(x[j]) - mean[j]); }
};
template <class T>
struct ColumnScaled {
  using A = accumulate_t<T>;
  const T* x;
  const A *mean, *a, *b;
  A operator()(std::int64_t j) const { return (static_cast<A>(x[j]) - mean[j]) * a[j] + b[j]; }
};
template <class T>
struct ColumnGrad {
  using A = accumulate_t<T>;
  const T *g, *x;
  const A *mean, *p, *q, *r;
  A operator()(std::int64_t j) const {
    return static_cast<A>(g[j]) * p[j] - (static_cast<A>(x[j]) - mean[j]) * q[j] - r[j];
  }
};

/// total[j] = the sum over rows of f(j), where `f` is moved on by a row with `next`.
template <int L, class A, class F, class Next>
[[gnu::always_inline]] inline void sum_rows(norm_sum_t<A>* total, std::int64_t rows, F f, const Next& next) {
  for (int j = 0; j < L; ++j) total[j] = norm_sum_t<A>(0);
  for (std::int64_t r = 0; r < rows;) {
    const std::int64_t end = rows - r > 64 ? r + 64 : rows;
    A lanes[L] = {};
    for (; r < end; ++r) {
      add_block<L>(lanes, 0, f);
      next(f);
    }
    for (int j = 0; j < L; ++j) total[j] += shunt::detail::convert<norm_sum_t<A>>(lanes[j]);
  }
}
/// Moves the operands of a column function to the next row.
struct NextX {
  std::int64_t step;
  template <class F>
  void operator()(F& f) const {
    f.x += step;
  }
};
struct NextGX {
  std::int64_t step;
  template <class F>
  void operator()(F& f) const {
    f.g += step;
    f.x += step;
  }
};

template <int L, class T>
inline void norm_column_block_forward(const NormShape& s, const NormForward<T>& p, std::int64_t c) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.runs));
  const NextX next{s.run_step};
  W total[L];
  if (!p.fixed) {
    sum_rows<L, A>(total, s.runs, NormValue<T>{p.x + c}, next);
    for (int j = 0; j < L; ++j) p.mean[c + j] = shunt::detail::convert<A>(total[j] / count);
    sum_rows<L, A>(total, s.runs, ColumnSquare<T>{p.x + c, p.mean + c}, next);
    for (int j = 0; j < L; ++j) {
      const W var = total[j] / count;
      if (p.var != nullptr) p.var[c + j] = shunt::detail::convert<A>(var);
      p.rstd[c + j] = norm_rstd(var, p.eps, A{});
    }
  }
  A a[L], b[L];
  for (int j = 0; j < L; ++j) {
    a[j] = p.w == nullptr ? p.rstd[c + j] : static_cast<A>(p.rstd[c + j] * static_cast<A>(p.w[c + j]));
    b[j] = p.b == nullptr ? A(0) : static_cast<A>(p.b[c + j]);
  }
  ColumnScaled<T> f{p.x + c, p.mean + c, a, b};
  for (std::int64_t r = 0; r < s.runs; ++r, next(f)) {
    T* y = p.y + c + r * s.run_step;
    if (p.base == nullptr)
      write_block<L>(y, 0, f);
    else
      write_block<L>(y, 0, NormOnto<T, ColumnScaled<T>>{p.base + c + r * s.run_step, f});
  }
}

/// dx (+)= f for every row, where `f` is moved on with `next`.
template <int L, class T, class F, class Next>
[[gnu::always_inline]] inline void write_rows(const NormShape& s, const NormBackward<T>& p, std::int64_t c, F f,
                                              const Next& next) {
  for (std::int64_t row = 0; row < s.runs; ++row, next(f)) {
    T* dx = p.dx + c + row * s.run_step;
    if (p.accumulate)
      write_block<L>(dx, 0, NormOnto<T, F>{dx, f});
    else
      write_block<L>(dx, 0, f);
  }
}

template <int L, class T>
inline void norm_column_block_backward(const NormShape& s, const NormBackward<T>& p, std::int64_t c) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.runs));
  const NextGX next{s.run_step};
  W sum_g[L] = {}, sum_gx[L] = {};
  if (!p.fixed || p.dw != nullptr || p.db != nullptr) {
    sum_rows<L, A>(sum_g, s.runs, NormValue<T>{p.g + c}, NextX{s.run_step});
    sum_rows<L, A>(sum_gx, s.runs, ColumnProduct<T>{p.g + c, p.x + c, p.mean + c}, next);
  }
  A a[L], q[L], r[L];
  for (int j = 0; j < L; ++j) {
    const A rstd = p.rstd[c + j];
    const A gx = rstd * shunt::detail::convert<A>(sum_gx[j]);
    if (p.db != nullptr) p.db[c + j] = shunt::detail::convert<A>(sum_g[j]);
    if (p.dw != nullptr) p.dw[c + j] = gx;
    a[j] = p.w == nullptr ? rstd : static_cast<A>(rstd * static_cast<A>(p.w[c + j]));
    const A over = a[j] / shunt::detail::convert<A>(count);
    q[j] = p.fixed ? A(0) : static_cast<A>(over * rstd * gx);
    r[j] = p.fixed ? A(0) : static_cast<A>(over * shunt::detail::convert<A>(sum_g[j]));
  }
  if (p.dx == nullptr) return;
  if (p.fixed)  // whatever x is: a NaN there stays out
    write_rows<L>(s, p, c, ColumnScaled<T>{p.g + c, r, a, r}, NextX{s.run_step});
  else
    write_rows<L>(s, p, c, ColumnGrad<T>{p.g + c, p.x + c, p.mean + c, a, q, r}, next);
}

template <class T>
void norm_columns_forward(const NormShape& s, const NormForward<T>& p, std::int64_t begin, std::int64_t end) {
  std::int64_t c = begin;
  for (; c + 32 <= end; c += 32) norm_column_block_forward<32>(s, p, c);
  for (; c + 8 <= end; c += 8) norm_column_block_forward<8>(s, p, c);
  for (; c < end; ++c) norm_column_block_forward<1>(s, p, c);
}
template <class T>
void norm_columns_backward(const NormShape& s, const NormBackward<T>& p, std::int64_t begin, std::int64_t end) {
  std::int64_t c = begin;
  for (; c + 32 <= end; c += 32) norm_column_block_backward<32>(s, p, c);
  for (; c + 8 <= end; c += 8) norm_column_block_backward<8>(s, p, c);
  for (; c < end; ++c) norm_column_block_backward<1>(s, p, c);
}
