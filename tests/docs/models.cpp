// The programs of docs/models.md.
#include <shunt/io/safetensors.hpp>
#include <shunt/shunt.hpp>

#include <cstdio>
#include <iostream>

namespace io = shunt::io;
namespace models = shunt::models;
namespace nn = shunt::nn;

int main() {
  shunt::manual_seed(0);
  const std::string file = "docs_models.safetensors";
  io::save_safetensors(file, models::resnet18().state_dict());
  {
    auto net = models::resnet18();
    net.load_state_dict(io::load_safetensors(file));
    net.eval();
  }
  {
    auto net = models::resnet18();
    auto dict = io::load_safetensors(file);
    dict.erase("fc.bias");
    dict.set("fc.weight", shunt::zeros({10, 512}));
    dict.set("fc.scale", shunt::zeros({10}));
    try {
      net.load_state_dict(dict);
    } catch (const shunt::Error& e) { std::cout << e.what() << '\n'; }
  }
  {
    auto net = models::resnet50();
    std::cout << shunt::insight::summary(net, {3, 224, 224}, 1);
  }
  {
    shunt::NoGrad unrecorded;
    auto net = models::resnet18();
    net.eval();
    auto fast = net;  // the network itself stays as it is, to train or to save
    nn::optimize_for_inference(fast, {3, 224, 224});
    auto x = shunt::randn({1, 3, 224, 224});
    std::cout << (shunt::allclose(fast(x), net(x), 1e-4, 1e-4) ? "the same logits" : "other logits") << '\n';
  }
  {
    auto gpt = models::GPT2({.vocab = 100, .context = 32, .layers = 2, .heads = 2, .width = 16});
    auto prompt = shunt::randint(0, 100, {1, 4});
    auto text = gpt.generate(prompt, {.max_new_tokens = 8, .temperature = 0.8, .top_k = 40});
    std::cout << text.shape() << '\n';
  }
  std::remove(file.c_str());
}
