// Dice's coefficient, twice what two sets share over what they have together: as a score, as a loss, and the best that
// a threshold reaches.
#pragma once

#include <shunt/tensor.hpp>

#include <array>

using shunt::Tensor;

/// Cross entropy, and 1 - Dice of the probabilities over the whole batch (Milletari et al. 2016, "V-Net"). logits
/// (n, 2, h, w), mask (n, h, w).
inline Tensor<float> segmentation_loss(const Tensor<float>& logits, const Tensor<std::int64_t>& mask) {
  const auto wanted = mask.to<float>(), p = softmax(logits, 1).select(1, 1);
  const auto dice = ((p * wanted).sum() * 2 + 1) / (p.sum() + wanted.sum() + 1);
  return cross_entropy(logits, mask) + (1 - dice);
}

inline double dice(const Tensor<std::int64_t>& a, const Tensor<std::int64_t>& b) {
  const auto both = static_cast<double>((a * b).sum().item()), sum = static_cast<double>((a.sum() + b.sum()).item());
  return sum > 0 ? 2 * both / sum : 1;
}

/// The Dice of the best rule "as bright as t or brighter", of the values' whole part from 0 to 255.
inline double best_threshold(const Tensor<float>& values, const Tensor<bool>& mask) {
  std::array<double, 256> inside{}, all{};
  const auto v = values.contiguous();
  const auto m = mask.contiguous();
  for (std::int64_t i = 0; i < v.numel(); ++i) {
    const auto bin = static_cast<std::size_t>(std::clamp(v.data()[i], 0.f, 255.f));
    all[bin] += 1;
    inside[bin] += m.data()[i] ? 1 : 0;
  }
  double wanted = 0, best = 0, hits = 0, taken = 0;
  for (const double n : inside) wanted += n;
  for (std::size_t t = 256; t-- > 0;) {
    hits += inside[t];
    taken += all[t];
    best = std::max(best, 2 * hits / std::max(taken + wanted, 1.0));
  }
  return best;
}
