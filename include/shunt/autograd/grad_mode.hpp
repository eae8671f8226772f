// Whether operations are recorded, and whether their results are searched for NaN.
#pragma once

#include <utility>

namespace shunt {
namespace detail {
inline thread_local bool recording = true;
inline thread_local bool tracing_nan = false;
/// True while checkpoint runs a function for the second time: running statistics must not move again.
inline thread_local bool replaying = false;
}  // namespace detail

inline bool grad_enabled() { return detail::recording; }

/// While it lives, operations of this thread are not recorded.
class NoGrad {
 public:
  NoGrad() : before_(std::exchange(detail::recording, false)) {}
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  ~NoGrad() { detail::recording = before_; }

 private:
  bool before_;
};

/// While it lives, operations of this thread are recorded, also inside a NoGrad.
class EnableGrad {
 public:
  EnableGrad() : before_(std::exchange(detail::recording, true)) {}
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;
  ~EnableGrad() { detail::recording = before_; }

 private:
  bool before_;
};

/// While it lives, the first operation of this thread that makes a NaN out of none, forward or backward, throws a
/// GraphError that names it.
class DetectAnomaly {
 public:
  DetectAnomaly() : before_(std::exchange(detail::tracing_nan, true)) {}
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
  ~DetectAnomaly() { detail::tracing_nan = before_; }

 private:
  bool before_;
};

}  // namespace shunt
