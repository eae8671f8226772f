// Counting what products, convolutions and attention compute.
#pragma once

#include <utility>

namespace shunt {
namespace detail {

inline thread_local double* flops = nullptr;

/// Tells the counter, if one is installed, of so many multiplications, each with its addition.
inline void count_multiply_adds(double n) {
  if (flops != nullptr) [[unlikely]]
    *flops += 2 * n;
}

}  // namespace detail

/// Counts the floating-point operations of products, convolutions and attention that this thread runs forward while it
/// lives: two for a multiplication with its addition. Elementwise work and reductions are left out, as in PyTorch's
/// FlopCounterMode. Attention counts every score, masked or not.
class CountFlops {
 public:
  CountFlops() : before_(std::exchange(detail::flops, &found_)) {}
  CountFlops(const CountFlops&) = delete;
  CountFlops& operator=(const CountFlops&) = delete;
  ~CountFlops() {
    detail::flops = before_;
    if (before_ != nullptr) *before_ += found_;
  }

  double found() const { return found_; }

 private:
  double found_ = 0;
  double* before_;
};

}  // namespace shunt
