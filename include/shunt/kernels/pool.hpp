// Pooling: the largest value, or the mean, of every window on a plane. Planes are independent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/blocks.hpp"
#include "shunt/kernels/gemm_scratch.hpp"

namespace shunt::kernels {

/// Windows of (kh, kw) taps that slide over planes of (h, w): stride, padding, dilation, and the (oh, ow) results.
struct PoolShape {
  std::int64_t planes, h, w, kh, kw, sh, sw, ph, pw, dh, dw, oh, ow;
};
/// What one result of a mean is taken over along one axis, [begin, end), and its factor of the divisor.
struct Window {
  std::int64_t begin, end, divisor;
};

namespace detail {

/// Planes for one thread, when each costs so many steps.
inline std::int64_t plane_grain(std::int64_t steps) { return (1 << 15) / std::max<std::int64_t>(steps, 1) + 1; }

/// A window's tap of one row for a block of results: the larger value wins, and a NaN; the first of equals stays.
template <class T>
void keep_larger(T* __restrict best, std::int32_t* __restrict at, const T* __restrict v, std::int32_t here,
                 std::int32_t step) {
  for (int j = 0; j < block_length; ++j) {
    const bool larger = (v[j] > best[j]) | (v[j] != v[j]);
    best[j] = larger ? v[j] : best[j];
    at[j] = larger ? here + j * step : at[j];
  }
}
template <class A, class T>
void add_line(A* __restrict sum, const T* __restrict v, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + block_length <= n; i += block_length)
    for (int j = 0; j < block_length; ++j) sum[i + j] += static_cast<A>(v[i + j]);
  for (; i < n; ++i) sum[i] += static_cast<A>(v[i]);
}

/// One plane of a gradient while it is summed: the result itself, or a plane of wider numbers that is rounded once.
template <class T>
class GradientPlane {
 public:
  using A = accumulate_t<T>;
  GradientPlane(T* dx, std::int64_t size, bool accumulate) : dx_(dx), size_(size) {
    if constexpr (!std::is_same_v<A, T>) {
      sums_ = scratch<A>(Scratch::image, size);
      if (accumulate) std::copy_n(dx, size, sums_);
    } else {
      sums_ = dx;
    }
    if (!accumulate) std::fill_n(sums_, size, A(0));
  }
  GradientPlane(const GradientPlane&) = delete;
  GradientPlane& operator=(const GradientPlane&) = delete;
  ~GradientPlane() {
    if constexpr (!std::is_same_v<A, T>) std::copy_n(sums_, size_, dx_);
  }
  A* sums() { return sums_; }

 private:
  T* dx_;
  A* sums_;
  std::int64_t size_;
};

/// Planes unfolded for strides: tap q of result i of a row lies at line[(q dw) % sw][(q dw) / sw + i], so that every
/// tap is read with step one; beside the plane there is minus infinity.
template <class T>
struct PoolLines {
  const PoolShape& s;
  std::int64_t length;
  T* lines;

  explicit PoolLines(const PoolShape& shape)
      : s(shape),
        length((s.ow + block_length - 1) / block_length * block_length + (s.kw - 1) * s.dw / s.sw + 1),
        lines(scratch<T>(Scratch::image, s.h * s.sw * length)) {}

  void fill(const T* x) {
    using L = std::numeric_limits<T>;
    std::fill_n(lines, s.h * s.sw * length, L::has_infinity ? -L::infinity() : L::lowest());
    for (std::int64_t y = 0; y < s.h; ++y, x += s.w) {
      T* row = lines + y * s.sw * length;
      for (std::int64_t phase = 0; phase < s.sw; ++phase, row += length) {
        const std::int64_t first = std::max<std::int64_t>(0, (s.pw - phase + s.sw - 1) / s.sw);
        const std::int64_t last = std::min(length, (s.w + s.pw - phase + s.sw - 1) / s.sw);
        const T* from = x + phase - s.pw;
        for (std::int64_t i = first; i < last; ++i) row[i] = from[i * s.sw];
      }
    }
  }
  const T* tap(std::int64_t y, std::int64_t q) const {
    return lines + (y * s.sw + q * s.dw % s.sw) * length + q * s.dw / s.sw;
  }
};

/// The first tap of a window that lies inside the plane; -1 if none does.
inline std::int32_t first_inside(const PoolShape& s, std::int64_t oy, std::int64_t ox) {
  std::int64_t y = oy * s.sh - s.ph, x = ox * s.sw - s.pw;
  for (std::int64_t r = 0; r < s.kh && y < 0; ++r) y += s.dh;
  for (std::int64_t q = 0; q < s.kw && x < 0; ++q) x += s.dw;
  const bool inside = y <= oy * s.sh - s.ph + (s.kh - 1) * s.dh && x <= ox * s.sw - s.pw + (s.kw - 1) * s.dw;
  return inside && y < s.h && x < s.w ? static_cast<std::int32_t>(y * s.w + x) : -1;
}

template <class T>
void max_pool_row(const PoolLines<T>& lines, std::int64_t oy, T* y, std::int32_t* index) {
  const PoolShape& s = lines.s;
  const T least =
      std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  T best[block_length];
  std::int32_t at[block_length];
  for (std::int64_t ox = 0; ox < s.ow; ox += block_length) {
    std::fill_n(best, block_length, least);
    std::fill_n(at, block_length, -1);
    for (std::int64_t r = 0; r < s.kh; ++r) {
      const std::int64_t iy = oy * s.sh - s.ph + r * s.dh;
      if (iy < 0 || iy >= s.h) continue;
      for (std::int64_t q = 0; q < s.kw; ++q)
        keep_larger(best, at, lines.tap(iy, q) + ox, static_cast<std::int32_t>(iy * s.w + ox * s.sw - s.pw + q * s.dw),
                    static_cast<std::int32_t>(s.sw));
    }
    const std::int64_t count = std::min<std::int64_t>(block_length, s.ow - ox);
    for (std::int64_t j = 0; j < count; ++j) {
      y[ox + j] = best[j];
      index[ox + j] = at[j] >= 0 ? at[j] : first_inside(s, oy, ox + j);
    }
  }
}

}  // namespace detail

/// y: the largest value of every window; index: where on its plane it stands, -1 where a window sees nothing.
template <class T>
void max_pool_forward(const PoolShape& s, const T* x, T* y, std::int32_t* index) {
  parallel_for(s.planes, detail::plane_grain(s.h * s.w + s.oh * s.ow * s.kh * s.kw),
               [&](std::int64_t begin, std::int64_t end) {
                 detail::PoolLines<T> lines(s);
                 for (std::int64_t p = begin; p < end; ++p) {
                   lines.fill(x + p * s.h * s.w);
                   for (std::int64_t oy = 0, at = p * s.oh * s.ow; oy < s.oh; ++oy, at += s.ow)
                     detail::max_pool_row(lines, oy, y + at, index + at);
                 }
               });
}

/// dx: every window's gradient goes where its largest value stands.
template <class T>
void max_pool_backward(const PoolShape& s, const std::int32_t* index, const T* g, T* dx, bool accumulate) {
  const std::int64_t in = s.h * s.w, out = s.oh * s.ow;
  parallel_for(s.planes, detail::plane_grain(in + out), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      detail::GradientPlane<T> plane(dx + p * in, in, accumulate);
      for (std::int64_t i = p * out; i < (p + 1) * out; ++i)
        if (index[i] >= 0) plane.sums()[index[i]] += static_cast<accumulate_t<T>>(g[i]);
    }
  });
}

/// y: the sum over every window, rows x columns, over its divisor.
template <class T>
void mean_pool_forward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Window>& rows,
                       const std::vector<Window>& columns, const T* x, T* y) {
  using A = accumulate_t<T>;
  const auto oh = static_cast<std::int64_t>(rows.size()), ow = static_cast<std::int64_t>(columns.size());
  parallel_for(planes, detail::plane_grain(h * w + oh * (w + ow)), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::image, w);
    for (std::int64_t p = begin; p < end; ++p) {
      T* out = y + p * oh * ow;
      for (const Window& row : rows) {
        std::fill_n(line, w, A(0));
        for (std::int64_t iy = row.begin; iy < row.end; ++iy) detail::add_line(line, x + (p * h + iy) * w, w);
        for (const Window& column : columns) {
          A sum(0);
          for (std::int64_t ix = column.begin; ix < column.end; ++ix) sum += line[ix];
          *out++ = static_cast<T>(sum / static_cast<A>(row.divisor * column.divisor));
        }
      }
    }
  });
}

/// dx: every window's gradient over its divisor, to each of its places.
template <class T>
void mean_pool_backward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Window>& rows,
                        const std::vector<Window>& columns, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  const auto oh = static_cast<std::int64_t>(rows.size()), ow = static_cast<std::int64_t>(columns.size());
  parallel_for(planes, detail::plane_grain(h * w + oh * (w + ow)), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::sums, w);
    for (std::int64_t p = begin; p < end; ++p) {
      const T* in = g + p * oh * ow;
      detail::GradientPlane<T> plane(dx + p * h * w, h * w, accumulate);
      for (const Window& row : rows) {
        std::fill_n(line, w, A(0));
        for (const Window& column : columns) {
          const A share = static_cast<A>(*in++) / static_cast<A>(row.divisor * column.divisor);
          for (std::int64_t ix = column.begin; ix < column.end; ++ix) line[ix] += share;
        }
        for (std::int64_t iy = row.begin; iy < row.end; ++iy) detail::add_line(plane.sums() + iy * w, line, w);
      }
    }
  });
}

}  // namespace shunt::kernels
