// Layers without weights of any size, and optimizers.
#pragma once

#include <string>
#include <vector>

#include "shapes.hpp"

namespace peers {

enum class Kind { batch_norm, layer_norm, softmax, cross_entropy, attention };

/// `grad`: forward and backward, with gradients for x and, in norms, for weight and bias. Norms of a batch are in
/// training. Softmax and cross entropy run along the last dimension, attention has q, k and v of one shape.
struct Layer {
  std::string name;
  Kind kind;
  std::vector<Int> shape;
  bool grad, causal;
  double flops() const {
    if (kind != Kind::attention) return 0;
    const double full = 4.0 * static_cast<double>(shape[0] * shape[1] * shape[2] * shape[2] * shape[3]);
    return full * (causal ? 0.5 : 1) * (grad ? 3 : 1);
  }
};

inline std::vector<Layer> layers() {
  std::vector<Layer> all;
  const auto add = [&](const char* name, Kind kind, const std::vector<Int>& shape, bool causal = false) {
    std::string size;
    for (Int n : shape) size += (size.empty() ? "" : "x") + std::to_string(n);
    for (const bool grad : {false, true})
      all.push_back({name + std::string(grad ? "_grad/" : "/") + size, kind, shape, grad, causal});
  };
  add("batch_norm", Kind::batch_norm, {32, 16, 32, 32});
  add("batch_norm", Kind::batch_norm, {32, 64, 8, 8});
  add("batch_norm", Kind::batch_norm, {4, 64, 56, 56});
  add("batch_norm", Kind::batch_norm, {4, 512, 7, 7});
  add("layer_norm", Kind::layer_norm, {1024, 256});
  add("layer_norm", Kind::layer_norm, {1024, 384});
  add("layer_norm", Kind::layer_norm, {512, 1024});
  add("softmax", Kind::softmax, {48, 128, 128});
  add("softmax", Kind::softmax, {1024, 1000});
  add("cross_entropy", Kind::cross_entropy, {1024, 96});
  add("cross_entropy", Kind::cross_entropy, {128, 1000});
  add("cross_entropy", Kind::cross_entropy, {128, 50257});
  for (const bool causal : {false, true}) {
    const char* name = causal ? "attention_causal" : "attention";
    add(name, Kind::attention, {8, 6, 128, 64}, causal);
    add(name, Kind::attention, {8, 6, 512, 64}, causal);
    add(name, Kind::attention, {1, 6, 2048, 64}, causal);
  }
  return all;
}

/// One step over the parameters of a ResNet-18.
inline constexpr const char* optimizers[] = {"sgd/resnet18", "adamw/resnet18"};

inline std::vector<std::vector<Int>> parameters() {
  std::vector<std::vector<Int>> all{{64, 3, 7, 7}, {64}, {64}};
  for (Int in = 64, out = 64; out <= 512; in = out, out *= 2)
    for (int block = 0; block < 2; ++block) {
      const Int from = block == 0 ? in : out;
      all.insert(all.end(), {{out, from, 3, 3}, {out}, {out}, {out, out, 3, 3}, {out}, {out}});
      if (from != out) all.insert(all.end(), {{out, from, 1, 1}, {out}, {out}});
    }
  all.insert(all.end(), {{1000, 512}, {1000}});
  return all;
}

}  // namespace peers
