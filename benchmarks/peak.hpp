// The rate of fused multiply-adds that one thread reaches from registers: what a kernel's rate is measured against.
#pragma once

#include <algorithm>
#include <chrono>

#include "shunt/kernels/isa.hpp"

#define SHUNT_KERNEL_BODY "peak.inl"
#include "shunt/kernels/foreach_isa.hpp"

/// In GFLOP/s, for the instruction set that is chosen; the best of several short runs.
inline double peak_gflops() {
  static const double peak = [] {
    using namespace shunt::kernels;
    double best = 0;
    for (int run = 0; run < 30; ++run) {
      const auto start = std::chrono::steady_clock::now();
      const double flops = by_isa(portable::multiply_add, avx2::multiply_add, avx512::multiply_add)(20000);
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      best = std::max(best, flops / time.count() * 1e-9);
    }
    return best;
  }();
  return peak;
}
