// Normalisation of rows, each element under its own weight: layer norm, and RMS norm where `centered` is false.

/// g w, or g where there is no weight.
template <class T>
struct RowUpstream {
  using A = accumulate_t<T>;
  const T *g, *w;
  A operator()(std::int64_t i) const { return static_cast<A>(g[i]) * static_cast<A>(w[i]); }
};
template <class T>
struct RowProduct {
  using A = accumulate_t<T>;
  const T *g, *w, *x;
  A mean;
  A operator()(std::int64_t i) const {
    return static_cast<A>(g[i]) * static_cast<A>(w[i]) * (static_cast<A>(x[i]) - mean);
  }
};
template <class T>
struct RowScaled {
  using A = accumulate_t<T>;
  const T *x, *w;
  A mean, rstd;
  A operator()(std::int64_t i) const { return (static_cast<A>(x[i]) - mean) * rstd * static_cast<A>(w[i]); }
};
template <class T>
struct RowShifted {
  using A = accumulate_t<T>;
  RowScaled<T> scaled;
  const T* b;
  A operator()(std::int64_t i) const { return scaled(i) + static_cast<A>(b[i]); }
};
template <class T>
struct RowGrad {
  using A = accumulate_t<T>;
  const T *g, *w, *x;
  A mean, rstd, q, r;
  A operator()(std::int64_t i) const {
    return static_cast<A>(g[i]) * static_cast<A>(w[i]) * rstd - (static_cast<A>(x[i]) - mean) * q - r;
  }
};
/// dw + g (x - mean) rstd
template <class T>
struct RowWeightGrad {
  using A = accumulate_t<T>;
  const A* dw;
  const T *g, *x;
  A mean, rstd;
  A operator()(std::int64_t i) const { return dw[i] + static_cast<A>(g[i]) * ((static_cast<A>(x[i]) - mean) * rstd); }
};

template <class T>
void norm_rows_forward(const NormRows& s, const NormForward<T>& p, std::int64_t begin, std::int64_t end) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.n));
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = p.x + row * s.n;
    T* y = p.y + row * s.n;
    const T* base = p.base == nullptr ? nullptr : p.base + row * s.n;
    const A mean = s.centered ? shunt::detail::convert<A>(sum_run<A>(s.n, NormValue<T>{x}) / count) : A(0);
    const A rstd = norm_rstd(sum_run<A>(s.n, NormSquare<T>{x, mean}) / count, p.eps, A{});
    p.mean[row] = mean;
    p.rstd[row] = rstd;
    const RowScaled<T> scaled{x, p.w, mean, rstd};
    if (p.w == nullptr)
      write_onto(y, base, s.n, NormScaled<T>{x, mean, rstd, A(0)});
    else if (p.b == nullptr)
      write_onto(y, base, s.n, scaled);
    else
      write_onto(y, base, s.n, RowShifted<T>{scaled, p.b});
  }
}

/// Rows of one part; its sums of the weights' gradients are added to row `part` of dw and db.
template <class T>
void norm_rows_backward(const NormRows& s, const NormBackward<T>& p, std::int64_t part) {
  using A = accumulate_t<T>;
  using W = norm_sum_t<A>;
  const W count(static_cast<double>(s.n));
  const std::int64_t begin = part * s.part_rows, end = begin + s.part_rows < s.rows ? begin + s.part_rows : s.rows;
  A* const dw = p.dw == nullptr ? nullptr : p.dw + part * s.n;
  A* const db = p.db == nullptr ? nullptr : p.db + part * s.n;
  for (std::int64_t row = begin; row < end; ++row) {
    const T *x = p.x + row * s.n, *g = p.g + row * s.n;
    const A mean = p.mean[row], rstd = p.rstd[row];
    if (dw != nullptr) write_run(dw, s.n, RowWeightGrad<T>{dw, g, x, mean, rstd});
    if (db != nullptr) write_run(db, s.n, NormOnto<A, NormValue<T>>{db, {g}});
    if (p.dx == nullptr) continue;
    W sum_g(0), sum_gx(0);
    if (p.w == nullptr) {
      if (s.centered) sum_g = sum_run<A>(s.n, NormValue<T>{g});
      sum_gx = sum_run<A>(s.n, NormProduct<T>{g, x, mean});
    } else {
      if (s.centered) sum_g = sum_run<A>(s.n, RowUpstream<T>{g, p.w});
      sum_gx = sum_run<A>(s.n, RowProduct<T>{g, p.w, x, mean});
    }
    const A r = rstd * shunt::detail::convert<A>(sum_g / count);
    const A q = rstd * rstd * rstd * shunt::detail::convert<A>(sum_gx / count);
    T* dx = p.dx + row * s.n;
    const T* old = p.accumulate ? dx : nullptr;
    if (p.w == nullptr)
      write_onto(dx, old, s.n, NormGrad<T>{g, x, mean, rstd, q, r});
    else
      write_onto(dx, old, s.n, RowGrad<T>{g, p.w, x, mean, rstd, q, r});
  }
}
