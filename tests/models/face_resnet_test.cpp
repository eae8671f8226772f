// dlib's face recognition network, as examples/face_embedding has it: its form, and every stage with its own weights.
#include "../../examples/face_embedding/network.hpp"

#include "shunt/io/tfjs.hpp"
#include "support/modules.hpp"
#include "support/nets.hpp"
#include "support/sample.hpp"

using namespace shunt;

namespace {

Tensor<float> picture(const std::string& file) {
  return io::load_npy<std::uint8_t>(net_fixture(file)).to<float>().permute({0, 3, 1, 2}).contiguous();
}

}  // namespace

TEST_CASE("face network: 29 convolutions, 14 of its blocks residual", "[models][face_resnet]") {
  FaceNet net;
  CHECK(modules::count<nn::Conv2d<float>>(net) == 29);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 14);
  // 5,614,592 are published; of these, 2 a channel scale and shift the convolutions' results.
  const std::int64_t channels = 7 * 32 + 8 * 64 + 6 * 128 + 8 * 256;
  CHECK(modules::parameter_count(net) == 5614592 - 2 * channels);
  const NoGrad unrecorded;
  CHECK(net(zeros({2, 3, 150, 150})).shape() == Shape{2, 128});
}

TEST_CASE("face network: a block that halves the image pads what its convolution leaves out", "[models][face_resnet]") {
  const std::int64_t size = GENERATE(3, 4, 7, 8);
  const NoGrad unrecorded;
  const auto block = down_block(2, 5);
  const auto x = rand({1, 2, size, size});
  const auto y = block(x);
  REQUIRE(y.shape() == Shape{1, 5, size / 2, size / 2});
  if (size % 2 == 1) return;
  // In the last row and column only the shortcut is left: the mean of 2 x 2 pixels, and 0 in new channels.
  const auto corner = x.slice(2, size - 2, size).slice(3, size - 2, size).mean({2, 3}).flatten();
  for (std::int64_t c = 0; c < 5; ++c) CHECK(y.at({0, c, -1, -1}) == Approx(c < 2 ? corner.at({c}) : 0).margin(1e-6));
}

TEST_CASE("face network: scales and shifts become part of weights and biases", "[models][face_resnet]") {
  const NoGrad unrecorded;
  const auto w = randn({3, 3, 2, 4}), b = randn({4}), scale = randn({4}), shift = randn({4}), x = randn({1, 2, 6, 5});
  const auto ours = face_weights({{"conv64_1/conv2/conv/filters", w},
                                  {"conv64_1/conv2/conv/bias", b},
                                  {"conv64_1/conv2/scale/weights", scale},
                                  {"conv64_1/conv2/scale/biases", shift},
                                  {"fc", randn({3, 2})}});
  CHECK(ours.at("fc.weight").shape() == Shape{2, 3});
  auto wanted = conv2d(x, w.permute({3, 2, 0, 1}).contiguous(), b);
  wanted = wanted * scale.reshape({4, 1, 1}) + shift.reshape({4, 1, 1});
  const auto got =
      conv2d(x, ours.at("conv64_1.branch.conv2.weight").to<float>(), ours.at("conv64_1.branch.conv2.bias").to<float>());
  CHECK(amax(abs(got - wanted)).item() < 1e-5);
  CHECK_THROWS_AS(face_weights({{"conv64_1/conv2/conv/filters", w}}), ValueError);
}

TEST_CASE("face network: every stage and both embeddings", "[models][face_resnet][nets]") {
  const std::string manifest = "face/face_recognition_model-weights_manifest.json";
  if (!has_net(manifest)) return;
  const NoGrad unrecorded;
  FaceNet net;
  net.load_state_dict(face_weights(io::load_tfjs(nets_folder() + "/" + manifest)));
  net.eval();
  const char* names[] = {"00_normalised",   "01_conv32_down",      "02_maxpool",      "03_conv32_1",     "04_conv32_2",
                         "05_conv32_3",     "06_conv64_down",      "07_conv64_1",     "08_conv64_2",     "09_conv64_3",
                         "10_conv128_down", "11_conv128_1",        "12_conv128_2",    "13_conv256_down", "14_conv256_1",
                         "15_conv256_2",    "16_conv256_down_out", "17_globalavgpool"};
  REQUIRE(net.stages.size() == std::size(names));
  auto y = picture("face/input_u8.npy");
  for (std::size_t i = 0; i < std::size(names); ++i) {
    y = net.stages[i](y);
    check_sample(y.permute({0, 2, 3, 1}), std::string("face/stage_") + names[i] + ".npy", 1e-4, false);
  }
  check_sample(net(picture("face/input_u8.npy")), "face/output.npy", 1e-4, false);
  check_sample(net(picture("face/input2_u8.npy")), "face/output2.npy", 1e-4, false);
}
