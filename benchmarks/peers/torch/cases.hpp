#pragma once

#include <torch/torch.h>

#include "../case.hpp"

namespace peers {

void add_gemms(Cases& cases);
void add_convs(Cases& cases);
void add_layers(Cases& cases);
void add_nets(Cases& cases);
void add_published(Cases& cases);

/// A tensor of the values that every library computes with.
inline torch::Tensor tensor(at::IntArrayRef shape, std::uint32_t seed) {
  auto x = torch::empty(shape);
  fill(x.data_ptr<float>(), x.numel(), seed);
  return x;
}
inline double checksum(const torch::Tensor& x) {
  const auto dense = x.detach().contiguous();
  return checksum(dense.data_ptr<float>(), dense.numel());
}

}  // namespace peers
