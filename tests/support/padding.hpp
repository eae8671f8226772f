#pragma once

#include <vector>

#include "shunt/ops/creation.hpp"

/// (N, t) of ones before the end of each sequence and zeros from there: the mask of sequences of these lengths.
inline shunt::Tensor<std::int64_t> padding(const std::vector<std::int64_t>& lengths, std::int64_t t) {
  const auto mask = shunt::zeros<std::int64_t>({static_cast<std::int64_t>(lengths.size()), t});
  for (std::size_t i = 0; i < lengths.size(); ++i)
    mask.select(0, static_cast<std::int64_t>(i)).narrow(0, 0, lengths[i]).fill_(1);
  return mask;
}
