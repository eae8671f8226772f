// dlib's face recognition network: a ResNet of 29 layers that maps a face to 128 numbers, so that pictures of one
// person lie close together. D. E. King trained it in 2017 (dlib_face_recognition_resnet_model_v1, public domain).
#pragma once

#include <shunt/shunt.hpp>

#include <string>

namespace nn = shunt::nn;
using shunt::Tensor;

/// Colours of 0 to 255, less dlib's mean, in about +-0.5.
struct Normalise : nn::Layer<float> {
  Tensor<float> forward(const Tensor<float>& x) override {
    static const auto mean = shunt::from_vector(std::vector<float>{122.782F, 117.001F, 104.298F}, {3, 1, 1});
    return (x - mean) / 255;
  }
};

/// What a block that halves the image learns. Of an even number of rows the unpadded convolution leaves one less than
/// the shortcut does: zeros take its place, and that of the column.
struct DownBranch : nn::Layer<float> {
  nn::Sequential<float> convs;
  DownBranch(std::int64_t in, std::int64_t out)
      : convs({{"conv1", nn::Conv2d<float>({.in = in, .out = out, .kernel = 3, .stride = 2})},
               {"relu", nn::ReLU()},
               {"conv2", nn::Conv2d<float>({.in = out, .out = out, .kernel = 3, .padding = 1})}}) {}
  Tensor<float> forward(const Tensor<float>& x) override {
    const auto y = convs(x);
    return pad(y, {0, x.size(3) / 2 - y.size(3), 0, x.size(2) / 2 - y.size(2)});
  }
  void members(nn::Members<float>& m) override { m(convs); }
};

/// The mean of each 2 x 2 pixels, and zeros in the channels that are new (He et al. 2015, shortcut A).
struct DownShortcut : nn::Layer<float> {
  std::int64_t new_channels;
  explicit DownShortcut(std::int64_t channels) : new_channels(channels) {}
  Tensor<float> forward(const Tensor<float>& x) override {
    return pad(avg_pool2d(x, 2), {0, 0, 0, 0, 0, new_channels});
  }
};

inline nn::AnyLayer<float> down_block(std::int64_t in, std::int64_t out) {
  return nn::ResidualBlock({.branch = DownBranch(in, out), .shortcut = DownShortcut(out - in), .after = nn::ReLU()});
}
inline nn::AnyLayer<float> block(std::int64_t channels) {
  const auto conv = [&] { return nn::Conv2d<float>({.in = channels, .out = channels, .kernel = 3, .padding = 1}); };
  return nn::ResidualBlock(
      {.branch = nn::Sequential<float>({{"conv1", conv()}, {"relu", nn::ReLU()}, {"conv2", conv()}}),
       .after = nn::ReLU()});
}

/// Faces (n, 3, 150, 150), red, green and blue of 0 to 255, to (n, 128).
struct FaceNet : nn::Layer<float> {
  nn::Sequential<float> stages;
  nn::Linear<float> fc{256, 128, {.bias = false}};

  FaceNet()
      : stages({{"normalise", Normalise()},
                {"conv32_down",
                 nn::Sequential<float>({{"conv", nn::Conv2d<float>({.in = 3, .out = 32, .kernel = 7, .stride = 2})},
                                        {"relu", nn::ReLU()}})},                // (n, 32, 72, 72)
                {"pool", nn::MaxPool2d<float>({.kernel = 3, .stride = 2})}}) {  // (n, 32, 35, 35)
    stages.add("conv32_1", block(32)).add("conv32_2", block(32)).add("conv32_3", block(32));
    stages.add("conv64_down", down_block(32, 64));  // (n, 64, 17, 17)
    stages.add("conv64_1", block(64)).add("conv64_2", block(64)).add("conv64_3", block(64));
    stages.add("conv128_down", down_block(64, 128));  // (n, 128, 8, 8)
    stages.add("conv128_1", block(128)).add("conv128_2", block(128));
    stages.add("conv256_down", down_block(128, 256));  // (n, 256, 4, 4)
    stages.add("conv256_1", block(256)).add("conv256_2", block(256));
    stages.add("conv256_down_out", down_block(256, 256));  // (n, 256, 2, 2)
    stages.add("mean", nn::AdaptiveAvgPool2d<float>(1));
  }
  Tensor<float> forward(const Tensor<float>& x) override { return fc(flatten(stages(x), 1)); }
  void members(nn::Members<float>& m) override { m(stages)("fc", fc); }
};

/// The published weights under FaceNet's names. There a convolution is `conv/filters` (h, w, in, out) and `conv/bias`,
/// and its result is multiplied and shifted channel by channel; here that is part of its weight and bias.
inline shunt::StateDict face_weights(const shunt::StateDict& published) {
  shunt::StateDict ours;
  const auto entry = [&](const std::string& name) { return published.at(name).to<float>(); };
  for (const auto& [name, tensor] : published) {
    const auto end = name.rfind("/conv/filters");
    if (end == std::string::npos) continue;
    const auto conv = name.substr(0, end);
    const auto scale = entry(conv + "/scale/weights");
    auto to = conv + (conv == "conv32_down" ? ".conv" : "");
    if (const auto slash = to.find('/'); slash != std::string::npos) to.replace(slash, 1, ".branch.");
    ours.set(to + ".weight", entry(name).permute({3, 2, 0, 1}) * scale.reshape({-1, 1, 1, 1}));
    ours.set(to + ".bias", entry(conv + "/conv/bias") * scale + entry(conv + "/scale/biases"));
  }
  ours.set("fc.weight", entry("fc").t());
  return ours;
}
