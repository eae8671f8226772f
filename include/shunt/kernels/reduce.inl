// One instruction set's copy of the reduction loops; see reduce.hpp.

template <class R, class A, class... I>
inline void reduce_block(const R& r, A* acc, const I*... in) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < map_block; ++j) acc[j] = r.combine(acc[j], r.map(static_cast<detail::compute_t<I>>(in[j])...));
}

/// The n elements of a row as one value: 32 running values side by side, joined pairwise at the end.
template <class R, class... I, std::size_t... K>
inline typename R::Acc reduce_row(const R& r, std::int64_t n, const std::int64_t* stride, std::index_sequence<K...>,
                                  const I*... in) {
  using A = typename R::Acc;
  A acc[map_block];
  for (auto& a : acc) a = r.identity();
  std::int64_t i = 0;
  if (((stride[K] == 1) && ...))
    for (; i + map_block <= n; i += map_block) reduce_block(r, acc, (in + i)...);
  for (; i < n; ++i) {
    auto& a = acc[i % map_block];
    a = r.combine(a, r.map(static_cast<detail::compute_t<I>>(in[i * stride[K]])...));
  }
  for (int half = map_block / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) acc[j] = r.combine(acc[j], acc[j + half]);
  return acc[0];
}

/// Joins rows [first, last), of each the n elements from `begin` on, into one value.
template <class R, class... I, std::size_t... K>
inline typename R::Acc reduce_rows(const R& r, const Nest<1 + sizeof...(I)>& nest, std::int64_t first,
                                   std::int64_t last, std::int64_t begin, std::int64_t n,
                                   std::index_sequence<K...> ks, const I*... in) {
  const int inner = nest.size.rank() - 1;
  const std::int64_t stride[] = {nest.stride[K][inner]...};
  NestWalk<1 + sizeof...(I)> at(nest, first, begin);
  auto total = r.identity();
  for (std::int64_t row = first; row < last; ++row, at.next())
    total = r.combine(total, reduce_row(r, n, stride, ks, (in + at[K])...));
  return total;
}

/// Joins rows [first, last) column by column: total[j] for the n <= reduce_tile columns from `begin` on. Rows are
/// joined in groups of 64, so that a long sum in float loses little.
template <class R, class... I, std::size_t... K>
inline void reduce_columns(const R& r, const Nest<1 + sizeof...(I)>& nest, std::int64_t first, std::int64_t last,
                           std::int64_t begin, std::int64_t n, typename R::Acc* total, std::index_sequence<K...>,
                           const I*... in) {
  const int inner = nest.size.rank() - 1;
  const std::int64_t stride[] = {nest.stride[K][inner]...};
  const bool dense = ((stride[K] == 1) && ...);
  NestWalk<1 + sizeof...(I)> at(nest, first, begin);
  typename R::Acc acc[reduce_tile];
  for (std::int64_t j = 0; j < n; ++j) total[j] = r.identity();
  for (std::int64_t row = first; row < last;) {
    for (std::int64_t j = 0; j < n; ++j) acc[j] = r.identity();
    for (const std::int64_t stop = row + 64 < last ? row + 64 : last; row < stop; ++row, at.next()) {
      std::int64_t j = 0;
      if (dense)
        for (; j + map_block <= n; j += map_block) reduce_block(r, acc + j, (in + at[K] + j)...);
      for (; j < n; ++j)
        acc[j] = r.combine(acc[j], r.map(static_cast<detail::compute_t<I>>(in[at[K] + j * stride[K]])...));
    }
    for (std::int64_t j = 0; j < n; ++j) total[j] = r.combine(total[j], acc[j]);
  }
}

/// The joined values of rows [first, last): all n elements as one (`columns` false), or column by column.
template <class R, class... I>
void reduce_part(const R& r, const Nest<1 + sizeof...(I)>& nest, std::int64_t first, std::int64_t last,
                 std::int64_t begin, std::int64_t n, bool columns, typename R::Acc* total, const I*... in) {
  if (columns) {
    reduce_columns(r, nest, first, last, begin, n, total, std::index_sequence_for<I...>{}, in...);
  } else {
    *total = reduce_rows(r, nest, first, last, begin, n, std::index_sequence_for<I...>{}, in...);
  }
}
