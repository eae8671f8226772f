// DenseNet (Huang et al. 2017, "Densely Connected Convolutional Networks"): a layer reads the maps of all layers before
// it, joined rather than added. Its state has torchvision's names.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/pool.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/join.hpp"

namespace shunt::models {

struct DenseNetOptions {
  std::int64_t classes = 1000, in_channels = 3;
  double dropout = 0;  ///< Behind each layer's second convolution.
};

namespace detail {

template <Real T>
nn::Conv2d<T> dense_conv(std::int64_t kernel, std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  nn::Conv2d<T> c({.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false});
  nn::init::kaiming_normal_(c.weight);
  return c;
}

/// [x, F(x)], `growth` channels more than came in (eq. 2). F is BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3): the 1x1 leaves
/// 4 growth channels, so that the 3x3 costs the same at any depth.
template <Real T>
struct DenseLayer : nn::Layer<T> {
  nn::Sequential<T> branch;

  DenseLayer(std::int64_t in, std::int64_t growth, double dropout)
      : branch({{"norm1", nn::BatchNorm2d<T>(in)},
                {"relu1", nn::ReLU<T>()},
                {"conv1", dense_conv<T>(1, in, 4 * growth)},
                {"norm2", nn::BatchNorm2d<T>(4 * growth)},
                {"relu2", nn::ReLU<T>()},
                {"conv2", dense_conv<T>(3, 4 * growth, growth)},
                {"dropout", nn::Dropout<T>(dropout)}}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return cat({x, branch(x)}, 1); }
  void members(nn::Members<T>& m) override { m(branch); }
};

template <Real T>
nn::Sequential<T> dense_block(std::int64_t layers, std::int64_t in, std::int64_t growth, double dropout) {
  nn::Sequential<T> block;
  for (std::int64_t i = 0; i < layers; ++i)
    block.add("denselayer" + std::to_string(i + 1), DenseLayer<T>(in + i * growth, growth, dropout));
  return block;
}

/// Between two blocks: half the channels, half the resolution.
template <Real T>
nn::Sequential<T> dense_transition(std::int64_t in) {
  return nn::Sequential<T>({{"norm", nn::BatchNorm2d<T>(in)},
                            {"relu", nn::ReLU<T>()},
                            {"conv", dense_conv<T>(1, in, in / 2)},
                            {"pool", nn::AvgPool2d<T>(2)}});
}

}  // namespace detail

/// Dense blocks of `layers[i]` layers, each of which adds `growth` channels: x (n, in_channels, h, w) -> logits
/// (n, classes).
template <Real T = float>
class DenseNet : public nn::Layer<T> {
 public:
  nn::Sequential<T> features;
  nn::AnyLayer<T> classifier;

  DenseNet(const std::vector<std::int64_t>& layers, std::int64_t growth, const DenseNetOptions& o = {}) {
    std::int64_t channels = 2 * growth;
    features.add("conv0", detail::dense_conv<T>(7, o.in_channels, channels, 2))
        .add("norm0", nn::BatchNorm2d<T>(channels))
        .add("relu0", nn::ReLU<T>())
        .add("pool0", nn::MaxPool2d<T>({.kernel = 3, .stride = 2, .padding = 1}));
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto number = std::to_string(i + 1);
      features.add("denseblock" + number, detail::dense_block<T>(layers[i], channels, growth, o.dropout));
      channels += layers[i] * growth;
      if (i + 1 == layers.size()) break;
      features.add("transition" + number, detail::dense_transition<T>(channels));
      channels /= 2;
    }
    features.add("norm5", nn::BatchNorm2d<T>(channels));
    nn::Linear<T> last(channels, o.classes);
    nn::init::zeros_(last.bias);
    classifier = std::move(last);
  }

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 3, 224, 224)
    auto y = relu(features(x));                     // (n, 1024, 7, 7)
    y = adaptive_avg_pool2d(y, 1);                  // (n, 1024, 1, 1)
    return classifier(flatten(y, 1));               // (n, 1000)
  }
  void members(nn::Members<T>& m) override { m("features", features)("classifier", classifier); }
};

template <Real T = float>
DenseNet<T> densenet121(const DenseNetOptions& o = {}) {
  return DenseNet<T>({6, 12, 24, 16}, 32, o);
}
template <Real T = float>
DenseNet<T> densenet169(const DenseNetOptions& o = {}) {
  return DenseNet<T>({6, 12, 32, 32}, 32, o);
}
template <Real T = float>
DenseNet<T> densenet201(const DenseNetOptions& o = {}) {
  return DenseNet<T>({6, 12, 48, 32}, 32, o);
}
template <Real T = float>
DenseNet<T> densenet161(const DenseNetOptions& o = {}) {
  return DenseNet<T>({6, 12, 36, 24}, 48, o);
}

}  // namespace shunt::models
