// What a network is made of, counted.
#pragma once

#include "shunt/nn/module.hpp"

namespace modules {

/// How many modules of kind M, or of one derived from it, `net` holds at any depth, spliced ones too:
/// count<nn::ResidualBlock<float>>(net).
template <class M>
int count(shunt::nn::Module<typename M::value_type>& net) {
  int found = 0;
  for (auto* m : net.modules()) found += m != &net && dynamic_cast<M*>(m) != nullptr;
  return found;
}

/// Numbers that training changes.
template <shunt::Real T>
std::int64_t parameter_count(const shunt::nn::Module<T>& net) {
  std::int64_t n = 0;
  for (const auto& p : net.parameters()) n += p.numel();
  return n;
}

}  // namespace modules
