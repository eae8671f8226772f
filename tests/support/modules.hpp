// What a network is made of, counted.
#pragma once

#include "shunt/nn/module.hpp"

namespace modules {

/// How many modules of kind M, or of one derived from it, `net` holds at any depth, spliced ones too:
/// count<nn::ResidualBlock<float>>(net).
template <class M>
int count(shunt::nn::Module<typename M::value_type>& net) {
  using T = typename M::value_type;
  struct Walk : shunt::nn::Members<T> {
    int found = 0;
    void spliced(shunt::nn::Module<T>& child) override { found += dynamic_cast<M*>(&child) != nullptr; }
    void module(std::string_view, shunt::nn::Module<T>& child) override {
      spliced(child);
      child.members(*this);
    }
  } walk;
  net.members(walk);
  return walk.found;
}

/// Numbers that training changes.
template <shunt::Real T>
std::int64_t parameter_count(const shunt::nn::Module<T>& net) {
  std::int64_t n = 0;
  for (const auto& p : net.parameters()) n += p.numel();
  return n;
}

}  // namespace modules
