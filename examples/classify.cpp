// What is in a picture, says a ResNet of torchvision's family.
//   example_classify --weights resnet50.safetensors [--labels names.txt] picture.jpg ..
// The design (18 to 152 layers, wide, ResNeXt) is read off the weights' names and shapes. python/export_state_dict.py
// makes such a file from torchvision's; the labels file has a name a line. --short shows it with random weights.
#define STB_IMAGE_IMPLEMENTATION
#include <shunt/data/image.hpp>
#include <shunt/io/safetensors.hpp>
#include <shunt/models/resnet.hpp>
#include <shunt/nn/inference.hpp>
#include <shunt/tensor.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "arguments.hpp"

namespace {

using shunt::Tensor;

/// The network whose state dict this is.
shunt::models::ResNet<> network_of(const shunt::StateDict& weights) {
  shunt::models::ResNetDesign design{.blocks = {}, .bottleneck = weights.contains("layer1.0.conv3.weight")};
  for (int stage = 0; stage < 4; ++stage)
    while (weights.contains("layer" + std::to_string(stage + 1) + "." + std::to_string(design.blocks[stage]) +
                            ".conv1.weight"))
      ++design.blocks[stage];
  if (design.bottleneck) {
    const auto middle = weights.at("layer1.0.conv2.weight").shape();
    design.groups = middle[0] / middle[1];
    design.width_per_group = middle[1];
  }
  const auto& stem = weights.at("conv1.weight").shape();
  const shunt::nn::NoInit unset;
  shunt::models::ResNet<> net(design, {.classes = weights.at("fc.weight").shape()[0], .in_channels = stem[1]});
  net.load_state_dict(weights);
  net.eval();
  return net;
}

/// As ImageNet's networks are fed: the shorter side 256, of that the middle 224 x 224, each channel by its mean and
/// deviation over ImageNet.
Tensor<float> prepared(const Tensor<std::uint8_t>& picture) {
  auto x = picture.to<float>().unsqueeze(0) / 255.0;
  const auto h = x.size(2), w = x.size(3), shorter = std::min(h, w);
  const shunt::Pair size(h * 256 / shorter, w * 256 / shorter);
  x = shorter >= 512 ? adaptive_avg_pool2d(x, size) : interpolate(x, {.size = size, .mode = "bilinear"});
  x = x.narrow(2, (size.h - 224) / 2, 224).narrow(3, (size.w - 224) / 2, 224);
  const auto mean = shunt::from_vector<float>({0.485F, 0.456F, 0.406F}, {3, 1, 1});
  const auto deviation = shunt::from_vector<float>({0.229F, 0.224F, 0.225F}, {3, 1, 1});
  return (x - mean) / deviation;
}

void classify(shunt::models::ResNet<>& net, const std::string& path, const std::vector<std::string>& labels) {
  const auto logits = net(prepared(shunt::data::load_image(path)));
  const auto [chances, classes] = topk(softmax(logits, 1), std::min<std::int64_t>(5, logits.size(1)));
  std::cout << path << '\n';
  for (std::int64_t i = 0; i < classes.size(1); ++i) {
    const auto c = static_cast<std::size_t>(classes.at({0, i}));
    std::printf("  %5.1f %%  %s\n", 100 * static_cast<double>(chances.at({0, i})),
                c < labels.size() ? labels[c].c_str() : ("class " + std::to_string(c)).c_str());
  }
}

/// A small network with random weights, and a picture of colours that run into each other.
std::vector<std::string> short_files(std::string& weights) {
  const auto folder = std::filesystem::temp_directory_path() / ("shunt_classify_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  weights = folder / "weights.safetensors";
  shunt::io::save_safetensors(weights, shunt::models::ResNet<>({.blocks = {1, 1, 1, 1}}, {.classes = 10}).state_dict());
  const auto ramp = shunt::linspace(0, 255, 300);
  const auto picture = shunt::stack<float>(
      {ramp.unsqueeze(0).expand({260, 300}), 255 - ramp.unsqueeze(0).expand({260, 300}), shunt::full({260, 300}, 128)},
      0);
  shunt::data::save_png(folder / "picture.png", picture.to<std::uint8_t>());
  return {folder / "picture.png"};
}

}  // namespace

int main(int argc, char** argv) try {
  std::string weights, names;
  std::vector<std::string> pictures, labels;
  bool shortened = false;
  arguments::Parser()
      .option("--weights FILE", weights)
      .option("--labels FILE", names)
      .words("PICTURE ..", pictures)
      .flag("--short", shortened)
      .parse(argc, argv);
  std::ifstream file(names);
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  if (shortened) pictures = short_files(weights);
  if (weights.empty() || pictures.empty()) {
    std::cerr << "example_classify --weights FILE [--labels FILE] PICTURE ..\n";
    return 1;
  }
  const shunt::NoGrad unrecorded;
  auto net = network_of(shunt::io::load_safetensors(weights));
  shunt::nn::optimize_for_inference(net, {3, 224, 224});
  for (const auto& picture : pictures) classify(net, picture, labels);
  if (shortened) std::filesystem::remove_all(std::filesystem::path(weights).parent_path());
} catch (const std::exception& e) {
  std::cerr << "example_classify: " << e.what() << '\n';
  return 1;
}
