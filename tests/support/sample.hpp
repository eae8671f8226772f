// Results against the fixtures in tests/reference/nets, whose README.md says which elements they hold.
#pragma once

#include <algorithm>
#include <cmath>

#include "shunt/io/npy.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

inline std::string net_fixture(const std::string& file) { return SHUNT_SOURCE_DIR "/tests/reference/nets/" + file; }

inline std::int64_t sample_step(std::int64_t count) {
  if (count <= 10000) return 1;
  auto p = count / 4096;
  const auto is_prime = [](std::int64_t n) {
    for (std::int64_t k = 2; k * k <= n; ++k)
      if (n % k == 0) return false;
    return true;
  };
  while (!is_prime(p)) --p;
  return p;
}

/// |got - wanted| <= tolerance max(1, scale), where scale is the largest that is wanted, if `relative`, else 1.
inline void check_sample(const shunt::Tensor<float>& got, const std::string& file, double tolerance, bool relative) {
  CAPTURE(file);
  const auto wanted = shunt::io::load_npy<float>(net_fixture(file)).flatten(), all = got.contiguous().flatten();
  const auto step = sample_step(all.numel());
  REQUIRE(wanted.numel() == (all.numel() + step - 1) / step);
  double largest = 0, scale = 1;
  for (std::int64_t i = 0; i < wanted.numel(); ++i) {
    const double w = wanted.data()[i], off = std::fabs(all.data()[i * step] - w);
    largest = std::isnan(off) ? INFINITY : std::max(largest, off);
    if (relative) scale = std::max(scale, std::fabs(w));
  }
  CHECK(largest <= tolerance * scale);
}
