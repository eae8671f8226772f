// PaddingMask: which tokens of a batch of sequences are there.
#pragma once

#include "shunt/ops/attention.hpp"
#include "shunt/ops/compare.hpp"

namespace shunt::nn {

/// (n, t): true, or a number that is not 0, for a token; false or 0 for padding. Holding nothing: all are tokens.
struct PaddingMask {
  Tensor<bool> tokens;

  PaddingMask() = default;
  PaddingMask(const Tensor<bool>& mask) : tokens(mask) {}
  PaddingMask(const Tensor<std::int64_t>& mask) : tokens(mask != 0) {}

  /// As a mask over the keys of every head and query, (n, 1, 1, t). ShapeError unless it has the shape of `ids`.
  template <Real T>
  AttentionMask<T> over_keys(const Tensor<std::int64_t>& ids) const {
    if (!tokens.defined()) return {};
    if (tokens.shape() != ids.shape())
      shunt::detail::raise<ShapeError>("a mask of shape ", tokens.shape(), " does not fit ids of shape ", ids.shape());
    return reshape(tokens, {tokens.size(0), 1, 1, tokens.size(1)});
  }
};

}  // namespace shunt::nn
