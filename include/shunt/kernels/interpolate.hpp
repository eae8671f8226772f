// Resampling of planes: every result is one source value (nearest) or a blend of four (bilinear), along tables that
// say for each axis where to look.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "shunt/kernels/pool.hpp"

namespace shunt::kernels {

/// Where result i of one axis comes from: (1 - t) source[low] + t source[high].
struct Sample {
  std::int64_t low, high;
  double t;
};

namespace detail {

/// out = (1 - t) a + t b, rows of n.
template <class A, class T>
void blend(A* __restrict out, const T* __restrict a, const T* __restrict b, A s, A t, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + block_length <= n; i += block_length)
    for (int j = 0; j < block_length; ++j) out[i + j] = s * static_cast<A>(a[i + j]) + t * static_cast<A>(b[i + j]);
  for (; i < n; ++i) out[i] = s * static_cast<A>(a[i]) + t * static_cast<A>(b[i]);
}
/// sum += s v
template <class A>
void add_scaled(A* __restrict sum, const A* __restrict v, A s, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + block_length <= n; i += block_length)
    for (int j = 0; j < block_length; ++j) sum[i + j] += s * v[i + j];
  for (; i < n; ++i) sum[i] += s * v[i];
}

}  // namespace detail

/// y (planes, rows.size(), columns.size()) = x (planes, h, w) at the samples' low places.
template <class T>
void nearest_forward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Sample>& rows,
                     const std::vector<Sample>& columns, const T* x, T* y) {
  const auto oh = static_cast<std::int64_t>(rows.size()), ow = static_cast<std::int64_t>(columns.size());
  parallel_for(planes, detail::plane_grain(oh * ow), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const T *last = nullptr, *from = nullptr;
      T* out = y + p * oh * ow;
      for (const Sample& row : rows) {
        from = x + (p * h + row.low) * w;
        if (from == last)
          std::copy_n(out - ow, ow, out);  // the row above once more
        else
          for (std::int64_t i = 0; i < ow; ++i) out[i] = from[columns[static_cast<std::size_t>(i)].low];
        last = from;
        out += ow;
      }
    }
  });
}

/// dx: every source value's gradient is the sum over the results it went to.
template <class T>
void nearest_backward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Sample>& rows,
                      const std::vector<Sample>& columns, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  const auto out = static_cast<std::int64_t>(rows.size() * columns.size());
  parallel_for(planes, detail::plane_grain(out), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const T* in = g + p * out;
      detail::GradientPlane<T> plane(dx + p * h * w, h * w, accumulate);
      for (const Sample& row : rows)
        for (const Sample& column : columns) plane.sums()[row.low * w + column.low] += static_cast<A>(*in++);
    }
  });
}

/// y (planes, rows.size(), columns.size()): two rows of x are blended first, then pairs of the blended row.
template <class T>
void bilinear_forward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Sample>& rows,
                      const std::vector<Sample>& columns, const T* x, T* y) {
  using A = accumulate_t<T>;
  const auto out = static_cast<std::int64_t>(rows.size() * columns.size());
  parallel_for(planes, detail::plane_grain(3 * out), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::sums, w);
    for (std::int64_t p = begin; p < end; ++p) {
      T* to = y + p * out;
      for (const Sample& row : rows) {
        const T* plane = x + p * h * w;
        detail::blend(line, plane + row.low * w, plane + row.high * w, A(1 - row.t), A(row.t), w);
        for (const Sample& c : columns) *to++ = static_cast<T>(A(1 - c.t) * line[c.low] + A(c.t) * line[c.high]);
      }
    }
  });
}

/// dx: the blends transposed.
template <class T>
void bilinear_backward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Sample>& rows,
                       const std::vector<Sample>& columns, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  const auto out = static_cast<std::int64_t>(rows.size() * columns.size());
  parallel_for(planes, detail::plane_grain(3 * out), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::sums, w);
    for (std::int64_t p = begin; p < end; ++p) {
      const T* in = g + p * out;
      detail::GradientPlane<T> plane(dx + p * h * w, h * w, accumulate);
      for (const Sample& row : rows) {
        std::fill_n(line, w, A(0));
        for (const Sample& c : columns) {
          const A v = static_cast<A>(*in++);
          line[c.low] += A(1 - c.t) * v;
          line[c.high] += A(c.t) * v;
        }
        detail::add_scaled(plane.sums() + row.low * w, line, A(1 - row.t), w);
        detail::add_scaled(plane.sums() + row.high * w, line, A(row.t), w);
      }
    }
  });
}

}  // namespace shunt::kernels
