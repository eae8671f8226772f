// Softmax and what is made of it, over one dimension of a dense tensor. Bound by the exponentials where a line stays in
// the cache between the passes over it: one for the maximum, one for the sum, one to write.
#pragma once

#include <array>

#include "shunt/kernels/along.hpp"
#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/math.hpp"
#include "shunt/kernels/reduce.hpp"

namespace shunt::kernels {

namespace detail {

/// block_length values side by side, over one row (joined into one at the end) or over as many neighbouring columns.
struct SoftmaxTile {
  std::int64_t begin, steps, stride;
  std::int64_t width, last_width;  ///< Elements of a step, and of the last one.
  std::int64_t line, lines;        ///< The lines that the tile covers.
  bool joined;

  std::int64_t width_of(std::int64_t step) const { return step + 1 == steps ? last_width : width; }
};
inline std::int64_t softmax_tiles(const Along& a) {
  return a.outer * (a.inner == 1 ? 1 : (a.inner + block_length - 1) / block_length);
}
inline SoftmaxTile softmax_tile(const Along& a, std::int64_t i) {
  if (a.inner == 1) {
    const std::int64_t steps = (a.n + block_length - 1) / block_length;
    return {i * a.n, steps, block_length, block_length, a.n - (steps - 1) * block_length, i, 1, true};
  }
  const std::int64_t across = (a.inner + block_length - 1) / block_length, column = i % across * block_length;
  const std::int64_t width = std::min<std::int64_t>(block_length, a.inner - column), outer = i / across;
  return {outer * a.n * a.inner + column, a.n, a.inner, width, width, outer * a.inner + column, width, false};
}

}  // namespace detail

/// Cross entropy with class indices, as its kernels see it; one target, maximum and logarithm a line.
template <class T>
struct CrossEntropy {
  Along along;
  const T* logits;
  const std::int64_t* target;
  const T* weight;            ///< One a class, or null for ones.
  std::int64_t ignore_index;  ///< Targets of this value count for nothing.
  double label_smoothing;

  /// The same where the tile's logits lie elsewhere.
  CrossEntropy on(const detail::SoftmaxTile& t, const T* moved) const {
    return {{along.outer, along.n, t.joined ? 1 : t.stride}, moved, target, weight, ignore_index, label_smoothing};
  }
};

namespace detail {

template <class A>
struct Larger {
  A operator()(A a, A b) const { return b > a ? b : a; }
  static A combine(A a, A b) { return b > a ? b : a; }
};
template <class A>
struct Plus {
  A operator()(A a, A b) const { return a + b; }
  static A combine(A a, A b) { return a + b; }
};
template <class A>
struct Times {
  A operator()(A a, A b) const { return a * b; }
};
template <class A>
struct Inverse {
  A operator()(A a) const { return A(1) / a; }
};
template <class A>
struct ExpAbove {
  A operator()(A x, A max) const { return math::exp(static_cast<A>(x - max)); }
};
template <class A>
struct LogSoftmax {
  A operator()(A x, A max, A log_sum) const { return (x - max) - log_sum; }
};
template <class A>
struct PlusProduct {
  A operator()(A sum, A a, A b) const { return sum + a * b; }
};
/// y (g - sum of y g)
template <class A>
struct SoftmaxGrad {
  A operator()(A y, A g, A dot) const { return y * (g - dot); }
};
/// g - exp(y) (sum of g)
template <class A>
struct LogSoftmaxGrad {
  A operator()(A y, A g, A sum) const { return g - math::exp(y) * sum; }
};
/// scale p - smooth w
template <class A>
struct CrossEntropyGrad {
  A operator()(A x, A max, A log_sum, A scale, A smooth, A w) const {
    return math::exp(static_cast<A>((x - max) - log_sum)) * scale - smooth * w;
  }
};
/// sum + w (max - x)
template <class A>
struct Shortfall {
  A operator()(A sum, A x, A max, A w) const { return sum + w * (max - x); }
};

}  // namespace detail
}  // namespace shunt::kernels

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"  // a loop around a library call stays a loop
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/softmax.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {
namespace detail {

/// The instruction set's copy, except for dual numbers, which have no vectors.
template <class T, class F>
F* softmax_copy(F* for_portable, F* for_avx2, F* for_avx512) {
  if constexpr (is_dual<T>)
    return for_portable;
  else
    return by_isa(for_portable, for_avx2, for_avx512);
}

/// `count` rows of n elements as columns, block_length apart; and back.
template <class T>
void rows_to_columns(const T* rows, std::int64_t count, std::int64_t n, T* columns) {
  for (std::int64_t k = 0; k < n; ++k)
    for (std::int64_t j = 0; j < block_length; ++j) columns[k * block_length + j] = j < count ? rows[j * n + k] : T(0);
}
template <class T>
void columns_to_rows(const T* columns, std::int64_t count, std::int64_t n, T* rows) {
  for (std::int64_t j = 0; j < count; ++j)
    for (std::int64_t k = 0; k < n; ++k) rows[j * n + k] = columns[k * block_length + j];
}

/// f(tile, inputs, out) for all tiles; out may be null. Many short rows are turned, so that each step is a whole block.
template <class T, std::size_t N, class F>
void for_softmax_tiles(const Along& a, const std::array<const T*, N>& in, T* out, bool accumulate, const F& f) {
  if (!is_dual<T> && a.inner == 1 && a.n <= block_length && a.outer > 2) {
    constexpr std::int64_t block = block_length;
    parallel_for((a.outer + block - 1) / block, 1 + (1 << 8) / (a.n + 1), [&](std::int64_t first, std::int64_t last) {
      alignas(64) T room[N + 1][is_dual<T> ? 1 : block_length * block_length];
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t row = i * block, count = std::min(block, a.outer - row);
        std::array<const T*, N> turned;
        for (std::size_t k = 0; k < N; ++k) {
          rows_to_columns(in[k] + row * a.n, count, a.n, room[k]);
          turned[k] = room[k];
        }
        if (accumulate) rows_to_columns(out + row * a.n, count, a.n, room[N]);
        f(SoftmaxTile{0, a.n, block, block, block, row, count, false}, turned, room[N]);
        if (out != nullptr) columns_to_rows(room[N], count, a.n, out + row * a.n);
      }
    });
    return;
  }
  const std::int64_t cost = 1 + a.n * std::min<std::int64_t>(a.inner, block_length);
  parallel_for(softmax_tiles(a), 1 + (1 << 13) / cost, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) f(softmax_tile(a, i), in, out);
  });
}

}  // namespace detail

/// y = softmax(x) along the lines. y may be x.
template <class T>
void softmax(const Along& a, const T* x, T* y) {
  const auto f = detail::softmax_copy<T>(portable::softmax<T>, avx2::softmax<T>, avx512::softmax<T>);
  detail::for_softmax_tiles<T, 1>(a, {x}, y, false, [&](const auto& t, const auto& in, T* out) { f(t, in[0], out); });
}
/// y = x - logsumexp(x) along the lines. y may be x.
template <class T>
void log_softmax(const Along& a, const T* x, T* y) {
  const auto f = detail::softmax_copy<T>(portable::log_softmax<T>, avx2::log_softmax<T>, avx512::log_softmax<T>);
  detail::for_softmax_tiles<T, 1>(a, {x}, y, false, [&](const auto& t, const auto& in, T* out) { f(t, in[0], out); });
}
/// dx (+)= the gradient of softmax, given its result y and g. dx may be g.
template <class T>
void softmax_backward(const Along& a, const T* y, const T* g, T* dx, bool accumulate) {
  const auto f =
      detail::softmax_copy<T>(portable::softmax_backward<T>, avx2::softmax_backward<T>, avx512::softmax_backward<T>);
  detail::for_softmax_tiles<T, 2>(a, {y, g}, dx, accumulate,
                                  [&](const auto& t, const auto& in, T* out) { f(t, in[0], in[1], out, accumulate); });
}
/// dx (+)= the gradient of log_softmax, given its result y and g. dx may be g.
template <class T>
void log_softmax_backward(const Along& a, const T* y, const T* g, T* dx, bool accumulate) {
  const auto f = detail::softmax_copy<T>(portable::log_softmax_backward<T>, avx2::log_softmax_backward<T>,
                                         avx512::log_softmax_backward<T>);
  detail::for_softmax_tiles<T, 2>(a, {y, g}, dx, accumulate,
                                  [&](const auto& t, const auto& in, T* out) { f(t, in[0], in[1], out, accumulate); });
}
/// Of each line its maximum m and the logarithm of the sum of exp(x - m): apart, since their sum would lose digits.
template <class T>
void log_sum_exp(const Along& a, const T* x, accumulate_t<T>* max, accumulate_t<T>* log_sum) {
  const auto f = detail::softmax_copy<T>(portable::log_sum_exp<T>, avx2::log_sum_exp<T>, avx512::log_sum_exp<T>);
  detail::for_softmax_tiles<T, 1>(
      a, {x}, nullptr, false, [&](const auto& t, const auto& in, T*) { f(t, in[0], max + t.line, log_sum + t.line); });
}
/// Every line's loss; maxima and logarithms are kept for the gradient.
template <class T>
void cross_entropy(const CrossEntropy<T>& c, accumulate_t<T>* max, accumulate_t<T>* log_sum, accumulate_t<T>* loss) {
  const auto f = detail::softmax_copy<T>(portable::cross_entropy<T>, avx2::cross_entropy<T>, avx512::cross_entropy<T>);
  detail::for_softmax_tiles<T, 1>(c.along, {c.logits}, nullptr, false, [&](const auto& t, const auto& in, T*) {
    f(c.on(t, in[0]), t, max + t.line, log_sum + t.line, loss + t.line);
  });
}
/// dx (+)= scale times the gradient of every line's loss; line i's upstream gradient is g[i * g_stride].
template <class T>
void cross_entropy_backward(const CrossEntropy<T>& c, const accumulate_t<T>* max, const accumulate_t<T>* log_sum,
                            const T* g, std::int64_t g_stride, accumulate_t<T> scale, T* dx, bool accumulate) {
  const auto f = detail::softmax_copy<T>(portable::cross_entropy_backward<T>, avx2::cross_entropy_backward<T>,
                                         avx512::cross_entropy_backward<T>);
  accumulate_t<T> weights(0);  // of all classes
  for (std::int64_t k = 0; k < c.along.n; ++k)
    weights += c.weight != nullptr ? static_cast<accumulate_t<T>>(c.weight[k]) : accumulate_t<T>(1);
  detail::for_softmax_tiles<T, 1>(c.along, {c.logits}, dx, accumulate, [&](const auto& t, const auto& in, T* out) {
    accumulate_t<T> upstream[block_length];
    for (std::int64_t j = 0; j < t.lines; ++j)
      upstream[j] = static_cast<accumulate_t<T>>(g[(t.line + j) * g_stride]) * scale;
    f(c.on(t, in[0]), t, max + t.line, log_sum + t.line, upstream, weights, out, accumulate);
  });
}

}  // namespace shunt::kernels
