// Order along lines: where an extreme stands, sorting, the k best, running sums. A NaN is larger than every number.
#pragma once

#include <algorithm>

#include "shunt/core/scalar.hpp"
#include "shunt/kernels/along.hpp"
#include "shunt/kernels/gemm_scratch.hpp"

namespace shunt::kernels {

/// index[i] = the first place in line i of value[i], or of a NaN if it is one.
template <class T>
void find_first(const Along& a, const T* x, const T* value, std::int64_t* index) {
  for_lines(a, a.n, [&](std::int64_t i, std::int64_t begin) {
    const T wanted = value[i], *line = x + begin;
    std::int64_t k = 0;
    if (wanted == wanted)
      while (k < a.n && !(line[k * a.inner] == wanted)) ++k;
    else
      while (k < a.n && line[k * a.inner] == line[k * a.inner]) ++k;
    index[i] = k;
  });
}

/// An element and where it stood.
template <class T>
struct Placed {
  T value;
  std::int64_t place;
};
namespace detail {
/// Equal values keep their order, so that any algorithm sorts stably.
template <class T>
struct Ascending {
  bool operator()(const Placed<T>& a, const Placed<T>& b) const {
    if (a.value < b.value) return true;
    if (b.value < a.value) return false;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    return a_nan == b_nan ? a.place < b.place : b_nan;
  }
};
template <class T>
struct Descending {
  bool operator()(const Placed<T>& a, const Placed<T>& b) const {
    if (b.value < a.value) return true;
    if (a.value < b.value) return false;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    return a_nan == b_nan ? a.place < b.place : a_nan;
  }
};

template <class T, class Before>
void first_of_line(Placed<T>* line, std::int64_t n, std::int64_t k, const Before& before) {
  // Up to about a tenth a heap of k beats sorting all.
  if (k * 10 < n) return std::partial_sort(line, line + k, line + n, before);
  if (k < n) std::nth_element(line, line + k, line + n, before);
  std::sort(line, line + k, before);
}
}  // namespace detail

/// The first k of every line in rising or falling order, and where they stood; the results' lines have k elements.
template <class T>
void sort_lines(const Along& a, std::int64_t k, bool descending, const T* x, T* value, std::int64_t* index) {
  const Along to{a.outer, k, a.inner};
  parallel_for(a.lines(), 1 + (1 << 12) / (a.n + 1), [&](std::int64_t first, std::int64_t last) {
    auto* line = scratch<Placed<T>>(Scratch::partial, a.n);
    for (std::int64_t i = first; i < last; ++i) {
      const T* from = x + a.begin(i);
      for (std::int64_t j = 0; j < a.n; ++j) line[j] = {from[j * a.inner], j};
      if (descending)
        detail::first_of_line(line, a.n, k, detail::Descending<T>{});
      else
        detail::first_of_line(line, a.n, k, detail::Ascending<T>{});
      const std::int64_t begin = to.begin(i);
      for (std::int64_t j = 0; j < k; ++j) {
        value[begin + j * a.inner] = line[j].value;
        index[begin + j * a.inner] = line[j].place;
      }
    }
  });
}

/// dx += g at the places that `index` names in every line; g and index have k elements a line.
template <class T>
void add_at_places(const Along& a, std::int64_t k, const T* g, const std::int64_t* index, T* dx) {
  const Along from{a.outer, k, a.inner};
  for_lines(a, k, [&](std::int64_t i, std::int64_t begin) {
    for (std::int64_t j = 0; j < k; ++j) {
      const std::int64_t at = from.begin(i) + j * a.inner;
      T& to = dx[begin + index[at] * a.inner];
      to = static_cast<T>(to + g[at]);
    }
  });
}

namespace detail {
/// Running sums are carried in double, so that a long line of floats ends where its sum does.
template <class T>
using running_t = std::conditional_t<std::is_floating_point_v<accumulate_t<T>>, double, accumulate_t<T>>;
}  // namespace detail

/// y[k] = x[0] + ... + x[k] along every line, or from k to the end if `backward`.
template <class T>
void running_sum(const Along& a, const T* x, T* y, bool backward) {
  const std::int64_t across = std::min<std::int64_t>(a.inner, 32),
                     tiles = (a.inner + across - 1) / std::max<std::int64_t>(across, 1);
  parallel_for(a.outer * tiles, 1 + (1 << 14) / (a.n * across + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t column = t % tiles * across, width = std::min(across, a.inner - column);
      detail::running_t<T> sum[32] = {};
      for (std::int64_t step = 0; step < a.n; ++step) {
        const std::int64_t at = (t / tiles * a.n + (backward ? a.n - 1 - step : step)) * a.inner + column;
        for (std::int64_t j = 0; j < width; ++j) {
          sum[j] += static_cast<detail::running_t<T>>(x[at + j]);
          y[at + j] = static_cast<T>(sum[j]);
        }
      }
    }
  });
}

}  // namespace shunt::kernels
