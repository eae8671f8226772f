// A causal model that keeps the keys and values of what it has read.
#pragma once

#include "support/gap.hpp"

/// Read in pieces, 20 tokens of each sequence give the logits that they give at once.
template <class Net>
void check_cache(Net& net, const shunt::Tensor<std::int64_t>& ids) {
  const shunt::NoGrad unrecorded;
  const auto whole = net(ids);
  const double tolerance = 1e-5 * static_cast<double>(whole.abs().max().item());
  auto cache = net.cache(ids.size(0), 24);
  std::int64_t at = 0;
  for (const std::int64_t t : {5, 1, 1, 7, 1, 3, 2}) {
    CHECK(gap(net(ids.narrow(1, at, t), cache), whole.narrow(1, at, t)) <= tolerance);
    at += t;
    CHECK(cache.length() == at);
  }
}
