// A U-Net whose way down is a residual network, which may have been trained on photographs before.
#pragma once

#include "shunt/models/resnet.hpp"
#include "shunt/models/unet.hpp"

namespace shunt::models {

struct ResNetUNetOptions {
  std::int64_t classes = 2;
  bool residual = false;                             ///< As UNetOptions, on the way up.
  Choice<"transpose", "bilinear"> up = "transpose";  ///< How the resolution is doubled.
};

/// ResNetUNet(resnet34(), {.classes = 3}): x (n, in_channels, h, w) -> logits (n, classes, h, w), for sides of any
/// length. The encoder's state keeps its names, so that load_state_dict(resnet, false) takes a published one over.
template <Real T = float>
class ResNetUNet : public nn::Layer<T> {
 public:
  nn::Sequential<T> stem;
  nn::AnyLayer<T> pool;
  nn::Sequential<T> layer1, layer2, layer3, layer4;
  std::vector<detail::UpStep<T>> up;
  nn::Conv2d<T> head;

  explicit ResNetUNet(ResNet<T> encoder, const ResNetUNetOptions& o = {})
      : stem(std::move(encoder.stem)),
        pool(std::move(stem.children().back().layer)),
        layer1(std::move(encoder.layer1)),
        layer2(std::move(encoder.layer2)),
        layer3(std::move(encoder.layer3)),
        layer4(std::move(encoder.layer4)),
        head({.in = 16, .out = o.classes, .kernel = 1}) {
    stem.children().pop_back();
    const auto photo = stem.parameters().front().size(1), deepest = encoder.fc.weight.size(1);
    const auto join = [&](std::int64_t in, std::int64_t skip, std::int64_t out) {
      up.emplace_back(in, skip, out, o.residual, o.up);
    };
    join(deepest, deepest / 2, 256);
    join(256, deepest / 4, 128);
    join(128, deepest / 8, 64);
    join(64, 64, 32);
    join(32, photo, 16);
  }

  Tensor<T> forward(const Tensor<T>& x) override {  // (n, 3, 224, 224)
    const auto half = stem(x);                      // (n, 64, 112, 112)
    const auto quarter = layer1(pool(half));        // (n, 64, 56, 56), or 256 channels with bottlenecks
    const auto eighth = layer2(quarter);            // (n, 128, 28, 28), 512
    const auto sixteenth = layer3(eighth);          // (n, 256, 14, 14), 1024
    auto y = layer4(sixteenth);                     // (n, 512, 7, 7), 2048
    y = up[0](y, sixteenth);                        // (n, 256, 14, 14)
    y = up[1](y, eighth);                           // (n, 128, 28, 28)
    y = up[2](y, quarter);                          // (n, 64, 56, 56)
    y = up[3](y, half);                             // (n, 32, 112, 112)
    y = up[4](y, x);                                // (n, 16, 224, 224)
    return head(y);                                 // (n, 2, 224, 224)
  }
  void members(nn::Members<T>& m) override {
    m(stem)("maxpool", pool)("layer1", layer1)("layer2", layer2)("layer3", layer3)("layer4", layer4);
    m("up", up)("head", head);
  }
};

}  // namespace shunt::models
