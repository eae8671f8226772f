// VGG: plain stacks of 3x3 convolutions (Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale
// Image Recognition", table 1), the last deep networks before the skip. Layers and names are torchvision's.
#pragma once

#include <array>

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/pool.hpp"
#include "shunt/nn/sequential.hpp"

namespace shunt::models {

struct VGGOptions {
  std::int64_t classes = 1000, in_channels = 3;
  double dropout = 0.5;  ///< Between the linear layers, in training (section 3.1).
};

/// What tells the members of the family apart.
struct VGGDesign {
  std::array<std::int64_t, 5> convolutions;  ///< In each stage.
  bool batch_norm = false;                   ///< Behind each of them (Ioffe and Szegedy 2015).
};

namespace detail {

/// Adds conv-relu or conv-bn-relu, so often, and a pooling that halves the resolution.
template <Real T>
void add_vgg_stage(nn::Sequential<T>& features, std::int64_t convolutions, std::int64_t in, std::int64_t out,
                   bool batch_norm) {
  for (std::int64_t i = 0; i < convolutions; ++i) {
    nn::Conv2d<T> conv({.in = i == 0 ? in : out, .out = out, .kernel = 3, .padding = 1});
    nn::init::kaiming_normal_(conv.weight, {.mode = "fan_out", .nonlinearity = "relu"});
    nn::init::zeros_(conv.bias);
    features.add(std::move(conv));
    if (batch_norm) features.add(nn::BatchNorm2d<T>(out));
    features.add(nn::ReLU<T>());
  }
  features.add(nn::MaxPool2d<T>(2));
}

template <Real T>
nn::Sequential<T> vgg_features(const VGGDesign& design, std::int64_t in_channels) {
  constexpr std::int64_t channels[] = {64, 128, 256, 512, 512};
  nn::Sequential<T> features;
  for (std::size_t i = 0; i < 5; ++i) {
    if (design.convolutions[i] < 1)
      shunt::detail::raise<ValueError>("VGG: each stage needs a convolution, got ", design.convolutions[i]);
    add_vgg_stage(features, design.convolutions[i], i == 0 ? in_channels : channels[i - 1], channels[i],
                  design.batch_norm);
  }
  return features;
}

template <Real T>
nn::Linear<T> vgg_linear(std::int64_t in, std::int64_t out) {
  nn::Linear<T> linear(in, out);
  nn::init::normal_(linear.weight, 0, 0.01);
  nn::init::zeros_(linear.bias);
  return linear;
}

}  // namespace detail

/// x (n, in_channels, h, w), h and w at least 32, about 224 -> logits (n, classes).
template <Real T = float>
class VGG : public nn::Layer<T> {
 public:
  nn::Sequential<T> features, classifier;

  explicit VGG(const VGGDesign& design, const VGGOptions& o = {})
      : features(detail::vgg_features<T>(design, o.in_channels)) {
    classifier.add(detail::vgg_linear<T>(512 * 7 * 7, 4096)).add(nn::ReLU<T>()).add(nn::Dropout<T>(o.dropout));
    classifier.add(detail::vgg_linear<T>(4096, 4096)).add(nn::ReLU<T>()).add(nn::Dropout<T>(o.dropout));
    classifier.add(detail::vgg_linear<T>(4096, o.classes));
  }

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 3, 224, 224)
    auto y = features(x);                           // (n, 512, 7, 7)
    y = adaptive_avg_pool2d(y, 7);                  // the same from images of other sizes
    return classifier(flatten(y, 1));               // (n, 1000)
  }
  void members(nn::Members<T>& m) override { m("features", features)("classifier", classifier); }
};

// Configurations A, B, D and E.
template <Real T = float>
VGG<T> vgg11(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {1, 1, 2, 2, 2}}, o);
}
template <Real T = float>
VGG<T> vgg13(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 2, 2, 2}}, o);
}
template <Real T = float>
VGG<T> vgg16(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 3, 3, 3}}, o);
}
template <Real T = float>
VGG<T> vgg19(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 4, 4, 4}}, o);
}
template <Real T = float>
VGG<T> vgg11_bn(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {1, 1, 2, 2, 2}, .batch_norm = true}, o);
}
template <Real T = float>
VGG<T> vgg13_bn(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 2, 2, 2}, .batch_norm = true}, o);
}
template <Real T = float>
VGG<T> vgg16_bn(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 3, 3, 3}, .batch_norm = true}, o);
}
template <Real T = float>
VGG<T> vgg19_bn(const VGGOptions& o = {}) {
  return VGG<T>({.convolutions = {2, 2, 4, 4, 4}, .batch_norm = true}, o);
}

}  // namespace shunt::models
