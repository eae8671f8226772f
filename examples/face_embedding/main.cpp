// Are two faces one person's? dlib's face recognition network, with its published weights.
//   example_face_embedding [--weights FOLDER] [A.jpg B.jpg] [--short]
// The pictures hold one face each, cut out and turned upright as dlib's get_face_chip() does it; of faces that fill
// their pictures otherwise, two people's come out closer than they should. FOLDER holds face_recognition_model.bin and
// its manifest; `./dev nets` brings them to build/nets/face. Without pictures the two that the tests use are compared.
#define STB_IMAGE_IMPLEMENTATION
#include <shunt/data/image.hpp>
#include <shunt/io/npy.hpp>
#include <shunt/io/tfjs.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "../arguments.hpp"
#include "network.hpp"

namespace {

struct Options {
  std::string weights = "build/nets/face";
  std::vector<std::string> pictures;
  bool shortened = false;
};

Options parse(int argc, char** argv) {
  Options o;
  if (const char* nets = std::getenv("SHUNT_NETS")) o.weights = std::string(nets) + "/face";
  arguments::Parser()
      .option("--weights FOLDER", o.weights)
      .words("A.jpg B.jpg", o.pictures)
      .flag("--short", o.shortened)
      .parse(argc, argv);
  if (!o.pictures.empty() && o.pictures.size() != 2) throw shunt::ValueError("needs two pictures");
  return o;
}

/// The picture, with black beside it or above and below so that it is square, at the network's size: (1, 3, 150, 150).
Tensor<float> face(const std::string& path) {
  auto image = shunt::data::load_image(path);
  const auto h = image.size(1), w = image.size(2), side = std::max(h, w);
  const auto left = (side - w) / 2, top = (side - h) / 2;
  image = pad(image, {left, side - w - left, top, side - h - top});
  return shunt::data::resize(image, 150).to<float>().unsqueeze(0);
}
/// A picture of the tests, (1, 150, 150, 3).
Tensor<float> fixture(const std::string& name) {
  const auto image = shunt::io::load_npy<std::uint8_t>("tests/reference/nets/face/" + name);
  return image.to<float>().permute({0, 3, 1, 2}).contiguous();
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  const auto manifest = o.weights + "/face_recognition_model-weights_manifest.json";
  if (!std::filesystem::exists(manifest)) {
    std::cout << "skipped: the network's weights are not in " << o.weights << ": run ./dev nets\n";
    return o.shortened ? 0 : 1;
  }
  const shunt::NoGrad unrecorded;
  FaceNet net;
  net.load_state_dict(face_weights(shunt::io::load_tfjs(manifest)));
  net.eval();
  const bool given = !o.pictures.empty();
  const auto a = net(given ? face(o.pictures[0]) : fixture("input_u8.npy"));
  const auto b = net(given ? face(o.pictures[1]) : fixture("input2_u8.npy"));
  const double distance = (a - b).norm().item();
  // dlib's rule, under which 99.38 % of the pairs of Labeled Faces in the Wild are told right.
  std::printf("distance %.3f: %s\n", distance, distance < 0.6 ? "the same person" : "two people");
} catch (const std::exception& e) {
  std::cerr << "example_face_embedding: " << e.what() << '\n';
  return 1;
}
