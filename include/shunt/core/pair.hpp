// Pair: a size along height and width, written as one number or as {h, w}.
#pragma once

#include <cstdint>
#include <string>

namespace shunt {

/// `.stride = 2` is {2, 2}; `.stride = {2, 1}` is 2 down and 1 across.
template <class N>
struct PairOf {
  N h, w;
  constexpr PairOf(N both) : h(both), w(both) {}
  constexpr PairOf(N height, N width) : h(height), w(width) {}
  friend constexpr bool operator==(const PairOf&, const PairOf&) = default;
  /// One number if both are equal, else `{h, w}`. A friend, so that a plain number is never taken for a pair.
  friend std::string to_string(const PairOf& p) {
    if (p.h == p.w) return std::to_string(p.h);
    return "{" + std::to_string(p.h) + ", " + std::to_string(p.w) + "}";
  }
};
using Pair = PairOf<std::int64_t>;

}  // namespace shunt
