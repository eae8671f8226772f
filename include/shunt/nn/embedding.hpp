// Embedding: a learned vector for each of `count` ids.
#pragma once

#include "shunt/nn/init.hpp"
#include "shunt/nn/module.hpp"
#include "shunt/ops/index.hpp"

namespace shunt::nn {

/// ids (...) -> (..., width). weight (count, width) starts standard normal, the row of padding_idx at zero, where it
/// stays: that row gets no gradient. IndexError for an id outside [0, count).
template <Real T = float>
class Embedding : public Module<T> {
 public:
  Parameter<T> weight;

  Embedding(std::int64_t count, std::int64_t width, EmbeddingOptions options = {}, Generator& g = generator())
      : weight(randn<T>({count, width}, g)), options_(options) {
    if (!options.padding_idx) return;
    const NoGrad unrecorded;
    weight.select(0, *options.padding_idx).zero_();
  }

  Tensor<T> operator()(const Tensor<std::int64_t>& ids) const {
    return this->gate(ids.shape(), [&] { return embedding(ids, weight, options_); });
  }
  void members(Members<T>& m) override { m("weight", weight); }
  std::string options() const override {
    return std::to_string(weight.size(0)) + ", " + std::to_string(weight.size(1));
  }

 private:
  EmbeddingOptions options_;
};

}  // namespace shunt::nn
