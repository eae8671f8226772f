// New tensors: constants, ranges, random draws, and values from C++ lists.
#pragma once

#include <algorithm>
#include <numbers>

#include "shunt/autograd/record.hpp"
#include "shunt/core/random.hpp"

namespace shunt {

template <Scalar T = float>
Tensor<T> full(const Shape& shape, double value) {
  auto y = Tensor<T>::empty(shape);
  std::fill_n(y.data(), y.numel(), detail::convert<T>(value));
  return y;
}
template <Scalar T = float>
Tensor<T> zeros(const Shape& shape) {
  return full<T>(shape, 0);
}
template <Scalar T = float>
Tensor<T> ones(const Shape& shape) {
  return full<T>(shape, 1);
}
template <Scalar T>
Tensor<T> full_like(const Tensor<T>& x, double value) {
  return full<T>(x.shape(), value);
}
template <Scalar T>
Tensor<T> zeros_like(const Tensor<T>& x) {
  return full<T>(x.shape(), 0);
}
template <Scalar T>
Tensor<T> ones_like(const Tensor<T>& x) {
  return full<T>(x.shape(), 1);
}

/// begin, begin + step, ... below end (above it for a negative step).
template <Scalar T = float>
Tensor<T> arange(double begin, double end, double step = 1) {
  if (!(step != 0)) detail::raise<ValueError>("arange: step must not be 0");
  const double count = std::ceil((end - begin) / step);
  auto y = Tensor<T>::empty({count > 0 ? static_cast<std::int64_t>(count) : 0});
  for (std::int64_t i = 0; i < y.numel(); ++i) y.data()[i] = detail::convert<T>(begin + static_cast<double>(i) * step);
  return y;
}
template <Scalar T = float>
Tensor<T> arange(double end) {
  return arange<T>(0, end);
}
/// `steps` values from begin to end, both included.
template <Scalar T = float>
Tensor<T> linspace(double begin, double end, std::int64_t steps) {
  auto y = Tensor<T>::empty({steps});
  const double step = steps > 1 ? (end - begin) / static_cast<double>(steps - 1) : 0;
  // Each half is counted from its own end, so that both ends are exact.
  for (std::int64_t i = 0; i < steps; ++i)
    y.data()[i] = detail::convert<T>(i < steps / 2 ? begin + step * static_cast<double>(i)
                                     : steps > 1   ? end - step * static_cast<double>(steps - 1 - i)
                                                   : begin);
  return y;
}
/// Ones on the diagonal of an (n, m) matrix of zeros; m = n by default.
template <Scalar T = float>
Tensor<T> eye(std::int64_t n, std::int64_t m = -1) {
  const auto y = zeros<T>({n, m < 0 ? n : m});
  for (std::int64_t i = 0; i < std::min(y.size(0), y.size(1)); ++i) y.data()[i * y.size(1) + i] = T(1);
  return y;
}

namespace detail {

/// A uniform number in [0, 1): 24 bits for float, 53 for double.
inline double to_unit(std::uint32_t a, std::uint32_t b) {
  return static_cast<double>((std::uint64_t{a} << 21) ^ (b >> 11)) * 0x1p-53;
}
inline float to_unit(std::uint32_t a) { return static_cast<float>(a >> 8) * 0x1p-24f; }

/// y[i] = f(the i-th pair of 64 random bits): two values a block, wherever the work is cut.
template <Scalar T, class F>
void fill_random(const Tensor<T>& y, RandomStream stream, const F& f) {
  T* out = y.data();
  const std::int64_t n = y.numel(), blocks = (n + 1) / 2;
  parallel_for(blocks, 1 << 12, [&](std::int64_t b, std::int64_t e) {
    for (std::int64_t i = b; i < e; ++i) {
      const auto r = stream.block(static_cast<std::uint64_t>(i));
      f(r, out + 2 * i, n - 2 * i > 1);
    }
  });
}
inline RandomStream reserve_for(Generator& g, std::int64_t n) {
  return g.reserve(static_cast<std::uint64_t>((n + 1) / 2));
}

}  // namespace detail

/// Uniform in [0, 1).
template <Scalar T = float>
Tensor<T> rand(const Shape& shape, Generator& g = generator()) {
  auto y = Tensor<T>::empty(shape);
  detail::fill_random(y, detail::reserve_for(g, y.numel()), [](const auto& r, T* out, bool both) {
    if constexpr (std::same_as<T, float> || std::same_as<T, bfloat16>) {
      out[0] = detail::to_unit(r[0]);
      if (both) out[1] = detail::to_unit(r[2]);
    } else {
      out[0] = detail::convert<T>(detail::to_unit(r[0], r[1]));
      if (both) out[1] = detail::convert<T>(detail::to_unit(r[2], r[3]));
    }
  });
  return y;
}
/// Standard normal (Box and Muller 1958).
template <Scalar T = float>
Tensor<T> randn(const Shape& shape, Generator& g = generator()) {
  auto y = Tensor<T>::empty(shape);
  detail::fill_random(y, detail::reserve_for(g, y.numel()), [](const auto& r, T* out, bool both) {
    const double radius = std::sqrt(-2 * std::log(1 - detail::to_unit(r[0], r[1])));
    const double angle = 2 * std::numbers::pi * detail::to_unit(r[2], r[3]);
    out[0] = detail::convert<T>(radius * std::cos(angle));
    if (both) out[1] = detail::convert<T>(radius * std::sin(angle));
  });
  return y;
}
template <Scalar T>
Tensor<T> randn_like(const Tensor<T>& x, Generator& g = generator()) {
  return randn<T>(x.shape(), g);
}
/// Integers from [low, high), evenly.
template <Scalar T = std::int64_t>
Tensor<T> randint(std::int64_t low, std::int64_t high, const Shape& shape, Generator& g = generator()) {
  if (low >= high) detail::raise<ValueError>("randint: empty range [", low, ", ", high, ")");
  auto y = Tensor<T>::empty(shape);
  const auto range = static_cast<double>(high - low);
  detail::fill_random(y, detail::reserve_for(g, y.numel()), [&](const auto& r, T* out, bool both) {
    const auto draw = [&](double u) { return detail::convert<T>(low + static_cast<std::int64_t>(u * range)); };
    out[0] = draw(detail::to_unit(r[0], r[1]));
    if (both) out[1] = draw(detail::to_unit(r[2], r[3]));
  });
  return y;
}
/// 0 .. n-1 in random order (Fisher and Yates).
inline Tensor<std::int64_t> randperm(std::int64_t n, Generator& g = generator()) {
  auto y = arange<std::int64_t>(static_cast<double>(n));
  const auto stream = g.reserve(static_cast<std::uint64_t>(n));
  for (std::int64_t i = n - 1; i > 0; --i) {
    const auto r = stream.block(static_cast<std::uint64_t>(i));
    std::swap(y.data()[i],
              y.data()[static_cast<std::int64_t>(detail::to_unit(r[0], r[1]) * static_cast<double>(i + 1))]);
  }
  return y;
}

/// A copy of the vector's elements; ShapeError if their number is not that of `shape` (default: one dimension).
template <Scalar T>
Tensor<T> from_vector(const std::vector<T>& values, const Shape& shape) {
  if (detail::checked_numel("from_vector", shape) != static_cast<std::int64_t>(values.size()))
    detail::raise<ShapeError>("from_vector: ", values.size(), " values for shape ", shape);
  auto y = Tensor<T>::empty(shape);
  std::copy(values.begin(), values.end(), y.data());
  return y;
}
template <Scalar T>
Tensor<T> from_vector(const std::vector<T>& values) {
  return from_vector(values, {static_cast<std::int64_t>(values.size())});
}

namespace detail {
/// A number in braces. A class of its own, so that `{{1.}, {2.}}` is a matrix: `{1.}` is a row rather than a number.
struct Element {
  template <std::convertible_to<double> U>
  Element(U v) : value(static_cast<double>(v)) {}
  double value;
};
}  // namespace detail

/// tensor({1., 2.}): a vector; tensor({{1., 2.}, {3., 4.}}): a matrix, ShapeError if its rows differ in length.
template <Scalar T = float>
Tensor<T> tensor(std::initializer_list<detail::Element> values) {
  auto y = Tensor<T>::empty({static_cast<std::int64_t>(values.size())});
  std::transform(values.begin(), values.end(), y.data(), [](const auto& v) { return detail::convert<T>(v.value); });
  return y;
}
template <Scalar T = float>
Tensor<T> tensor(std::initializer_list<std::initializer_list<double>> rows) {
  const auto width = rows.size() == 0 ? std::size_t{0} : rows.begin()->size();
  auto y = Tensor<T>::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(width)});
  T* out = y.data();
  for (const auto& row : rows) {
    if (row.size() != width) detail::raise<ShapeError>("tensor: rows of ", width, " and of ", row.size(), " values");
    out = std::transform(row.begin(), row.end(), out, detail::convert<T, double>);
  }
  return y;
}

}  // namespace shunt
