// The networks: sizes, and floating-point operations of one forward pass; a training step counts three of them.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "shapes.hpp"

namespace peers {

/// Blocks x + Linear(ReLU(Linear(x))), the second layer's first weights divided by the root of the depth.
struct Mlp {
  Int width, blocks;
  std::string name() const { return "mlp" + std::to_string(width) + "x" + std::to_string(blocks); }
  double flops(Int batch) const { return 4.0 * static_cast<double>(batch * width * width * blocks); }
};
inline std::vector<Mlp> mlps() { return {{64, 1000}, {256, 100}, {1024, 20}}; }
inline constexpr Int mlp_batch = 32;

/// 6n + 2 layers for 32x32 images; where the shape changes, the shortcut takes every second pixel and adds zeros.
struct Cifar {
  Int depth, batch;
  std::string name() const { return "resnet" + std::to_string(depth); }
  double flops(Int images) const {
    const Int n = (depth - 2) / 6;
    const double stage = 2.0 * 9 * 16 * 16 * 32 * 32;  // one 3x3 convolution, the same in every stage
    const double halves = 2 * stage / 2;               // the two that double the channels
    return static_cast<double>(images) *
           (stage * 3 / 16 + stage * static_cast<double>(6 * n - 2) + halves + 2.0 * 64 * 10);
  }
};
inline std::vector<Cifar> cifars() { return {{20, 32}, {110, 16}}; }

/// Pre-norm Transformer blocks with GELU and without dropout. With a vocabulary: ids and learned positions go in, a
/// norm and a linear layer come last, and no token sees later ones.
struct Transformer {
  std::string name;
  Int layers, width, heads, tokens, batch, vocabulary;
  Int hidden() const { return 4 * width; }
  bool causal() const { return vocabulary > 0; }
  double flops(Int sequences) const {
    const double layer = 2.0 * static_cast<double>(12 * width * width + (causal() ? 1 : 2) * tokens * width);
    return static_cast<double>(sequences * tokens) *
           (static_cast<double>(layers) * layer + 2.0 * static_cast<double>(width * vocabulary));
  }
};
inline std::vector<Transformer> transformers() {
  return {{"encoder12x256", 12, 256, 4, 128, 8, 0}, {"gpt6x384", 6, 384, 6, 256, 4, 96}};
}

/// torchvision's ResNets for images of 3 x 224 x 224; in use, their batch norms are folded where the library can.
struct ImageNet {
  Int depth;
  double multiplications;  ///< Of one image.
  std::string name() const { return "imagenet" + std::to_string(depth); }
  double flops(Int images) const { return 2 * multiplications * static_cast<double>(images); }
};
inline std::vector<ImageNet> imagenets() { return {{18, 1.814e9}, {50, 4.089e9}}; }
inline constexpr Int imagenet_batch = 4;

/// Ronneberger's with padding and batch norm, from one channel to two classes.
struct UNet {
  Int width, levels, side, batch;
  std::string name() const { return "unet" + std::to_string(width); }
  double flops(Int images) const {
    double sum = 0;
    for (Int i = 0, in = 1, out = width; i <= levels; in = out, out *= 2, ++i) {
      const double pixels = static_cast<double>(side * side) / std::pow(4.0, static_cast<double>(i));
      sum += 18 * pixels * static_cast<double>((in + out) * out);                               // down, or the bottom
      if (i < levels) sum += pixels * static_cast<double>(4 * out * out + 18 * 3 * out * out);  // up
    }
    return static_cast<double>(images) * (sum + 4.0 * static_cast<double>(side * side * width));
  }
};
inline std::vector<UNet> unets() { return {{32, 4, 128, 4}}; }

/// GPT-2 small: a forward pass, and the tokens of a continuation one by one, with keys and values kept.
inline Transformer gpt2() { return {"gpt2", 12, 768, 12, 128, 1, 50257}; }
inline constexpr Int generated = 32;  ///< The last of the sequence's tokens.

inline constexpr double learning_rate = 1e-3, momentum = 0.9;

}  // namespace peers
