// Along: one dimension of a dense tensor, for kernels that work line by line.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shunt/core/threads.hpp"

namespace shunt::kernels {

/// outer x n x inner elements; a line is n of them, `inner` apart.
struct Along {
  std::int64_t outer, n, inner;
  std::int64_t lines() const { return outer * inner; }
  /// Where line i begins.
  std::int64_t begin(std::int64_t i) const { return i / inner * n * inner + i % inner; }
};

/// f(line, offset of its first element) for every line, several threads taking `cost` elements' work a line into
/// account.
template <class F>
void for_lines(const Along& a, std::int64_t cost, const F& f) {
  parallel_for(a.lines(), 1 + (1 << 14) / (cost + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) f(i, a.begin(i));
  });
}

}  // namespace shunt::kernels
