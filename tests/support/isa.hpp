// What tests of kernels share: every instruction set that the machine has, and numbers to feed them.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "shunt/core/threads.hpp"
#include "shunt/kernels/isa.hpp"

namespace shunt::kernels {

inline std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (runs(isa)) all.push_back(isa);
  }
  return all;
}

/// Runs with one instruction set and number of threads, and goes back to the former ones.
struct Setting {
  Isa isa_before = isa();
  int threads_before = num_threads();
  explicit Setting(Isa isa, int threads = 1) {
    force_isa(isa);
    set_num_threads(threads);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() {
    force_isa(isa_before);
    set_num_threads(threads_before);
  }
};

/// Between -1 and 1.
template <class T>
std::vector<T> random_vector(std::int64_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> value(-1, 1);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = static_cast<T>(value(bits));
  return v;
}

}  // namespace shunt::kernels
