// The cases: their names, sizes and floating-point operations, the same for every library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace peers {

using Int = std::int64_t;

/// C (m, n) = A B, all by rows; `ta`: A is stored (k, m), `tb`: B is stored (n, k).
struct Gemm {
  std::string name;
  Int m, n, k;
  bool ta, tb;
  double flops() const { return 2.0 * static_cast<double>(m * n * k); }
};

inline std::vector<Gemm> gemms() {
  std::vector<Gemm> all;
  const auto add = [&](const char* kind, Int m, Int n, Int k, bool ta, bool tb) {
    const auto size =
        m == n && n == k ? std::to_string(n) : std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    all.push_back({std::string(kind) + "/" + size, m, n, k, ta, tb});
  };
  for (Int n : {64, 128, 256, 512, 1024}) add("gemm", n, n, n, false, false);
  for (Int m : {1, 8, 32}) {
    for (Int n : {64, 256, 1024}) add("gemm", m, n, n, false, false);
    add("gemm", m, 1024, 256, false, false);
  }
  for (int form : {1, 2, 3}) {
    const char* kind = form == 1 ? "gemm_nt" : form == 2 ? "gemm_tn" : "gemm_tt";
    for (Int n : {256, 1024}) add(kind, n, n, n, (form & 2) != 0, (form & 1) != 0);
    add(kind, 32, 256, 256, (form & 2) != 0, (form & 1) != 0);
  }
  return all;
}

enum class Pass { forward, data, weights };  // y of x and w, dx of dy and w, dw of x and dy

/// A square image and kernel. Of the two operands the first is filled from seed 1 and the second from seed 2.
/// `transposed`: x and y change places, as in the up path of a U-Net.
struct Conv {
  std::string name;
  Pass pass;
  Int n, c, size, k, kernel, stride, padding, groups;
  bool transposed;
  Int out() const { return transposed ? size * stride : (size + 2 * padding - kernel) / stride + 1; }
  Int weights() const { return k * c / groups * kernel * kernel; }
  Int x() const { return n * c * size * size; }
  Int y() const { return n * k * out() * out(); }
  /// The convolution of which a transposed one is the pass back: both compute the same from the same operands, but that
  /// x and dy have changed places in the gradient of the weights.
  Conv plain() const {
    if (!transposed) return *this;
    const Pass back = pass == Pass::forward ? Pass::data : pass == Pass::data ? Pass::forward : Pass::weights;
    return {name, back, n, k, out(), c, kernel, stride, padding, groups, false};
  }
  double flops() const {
    const Int pixels = transposed ? size * size : out() * out();
    return 2.0 * static_cast<double>(n * pixels) * static_cast<double>(weights());
  }
};

inline std::vector<Conv> convs() {
  std::vector<Conv> all;
  const auto add = [&](const char* kind, Int n, Int c, Int size, Int k, Int kernel, Int stride, bool depthwise = false,
                       bool transposed = false) {
    auto shape = std::to_string(n) + "x" + std::to_string(c);
    if (k != c) shape += "-" + std::to_string(k);
    shape += "x" + std::to_string(size);
    if (stride != 1) shape += "/" + std::to_string(stride);
    for (Pass pass : {Pass::forward, Pass::data, Pass::weights}) {
      const char* of = pass == Pass::forward ? "" : pass == Pass::data ? "_dx" : "_dw";
      all.push_back({kind + std::string(of) + "/" + shape, pass, n, c, size, k, kernel, stride,
                     transposed ? 0 : kernel / 2, depthwise ? c : 1, transposed});
    }
  };
  // ResNet-20
  add("conv3x3", 32, 3, 32, 16, 3, 1);
  add("conv3x3", 32, 16, 32, 16, 3, 1);
  add("conv3x3", 32, 16, 32, 32, 3, 2);
  add("conv3x3", 32, 32, 16, 32, 3, 1);
  add("conv3x3", 32, 32, 16, 64, 3, 2);
  add("conv3x3", 32, 64, 8, 64, 3, 1);
  // ResNet-50
  for (Int n : {1, 4}) {
    add("conv7x7", n, 3, 224, 64, 7, 2);
    add("conv3x3", n, 64, 56, 64, 3, 1);
    add("conv3x3", n, 128, 28, 128, 3, 1);
    add("conv3x3", n, 256, 14, 256, 3, 1);
    add("conv3x3", n, 512, 7, 512, 3, 1);
    add("conv1x1", n, 64, 56, 256, 1, 1);
    add("conv1x1", n, 256, 56, 64, 1, 1);
    add("conv1x1", n, 512, 28, 128, 1, 1);
    add("conv1x1", n, 1024, 14, 256, 1, 1);
    add("conv1x1", n, 2048, 7, 512, 1, 1);
  }
  // U-Net, and what phones run
  add("conv3x3", 1, 64, 128, 64, 3, 1);
  add("convT2x2", 1, 128, 64, 64, 2, 2, false, true);
  add("depthwise3x3", 1, 32, 112, 32, 3, 1, true);
  add("depthwise3x3", 1, 128, 56, 128, 3, 1, true);
  add("depthwise3x3", 1, 512, 14, 512, 3, 1, true);
  return all;
}

}  // namespace peers
