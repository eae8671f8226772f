// A small decoder that learns to write like the text it is given, one character at a time.
//   example_char_transformer [FILE] [--steps 600] [--short]
#include <shunt/insight/progress.hpp>
#include <shunt/shunt.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>

#include "arguments.hpp"

namespace nn = shunt::nn;
using shunt::Tensor;
using Ids = Tensor<std::int64_t>;

/// Characters in, scores of the next character out: embeddings, pre-norm blocks that look back only, a linear head.
struct CharTransformer : nn::Module<float> {
  nn::Embedding<float> characters, places;
  std::vector<nn::TransformerEncoderBlock<float>> blocks;
  nn::LayerNorm<float> norm;
  nn::Linear<float> head;

  CharTransformer(std::int64_t vocabulary, std::int64_t context, std::int64_t width = 128, int layers = 4)
      : characters(vocabulary, width), places(context, width), norm(width), head(width, vocabulary) {
    for (int i = 0; i < layers; ++i)
      blocks.emplace_back(nn::TransformerBlockOptions{
          .width = width, .heads = 4, .hidden = 4 * width, .dropout = 0, .activation = "gelu", .norm_first = true});
    nn::init::normal_(characters.weight, 0, 0.02);
    nn::init::normal_(places.weight, 0, 0.02);
  }

  Tensor<float> operator()(const Ids& ids) {                                                           // (n, t)
    auto x = characters(ids) + places(shunt::arange<std::int64_t>(static_cast<double>(ids.size(1))));  // (n, t, width)
    for (auto& block : blocks) x = block(x, {.is_causal = true});
    return head(norm(x));  // (n, t, vocabulary)
  }
  void members(nn::Members<float>& m) override {
    m("characters", characters)("places", places)("blocks", blocks)("norm", norm)("head", head);
  }
};

int main(int argc, char** argv) try {
  std::string path, text = "the shunt lets the current pass; the block learns what to add. ";
  int steps = 600;
  arguments::Parser()
      .words("FILE", path)
      .option("--steps N", steps)
      .flag("--short", [&] { steps = 5; })
      .parse(argc, argv);
  if (!path.empty()) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw shunt::IoError("cannot read " + path);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::int64_t context = 64, batch = 16;
  while (static_cast<std::int64_t>(text.size()) < 4 * context) text += text;

  std::string alphabet;
  std::array<std::int64_t, 256> id{};
  std::vector<std::int64_t> all;
  for (const char c : text) {
    const auto at = alphabet.find(c);
    id[static_cast<unsigned char>(c)] = static_cast<std::int64_t>(at == std::string::npos ? alphabet.size() : at);
    if (at == std::string::npos) alphabet += c;
    all.push_back(id[static_cast<unsigned char>(c)]);
  }
  const Ids corpus = shunt::from_vector(all);

  shunt::manual_seed(1);
  CharTransformer net(static_cast<std::int64_t>(alphabet.size()), context);
  auto optimizer = shunt::optim::AdamW(net.parameters(), {.lr = 1e-3, .weight_decay = 0.01});
  {
    shunt::insight::Progress progress("training", steps);
    for (int step = 0; step < steps; ++step) {
      std::vector<Ids> x, y;
      for (const auto at : shunt::randint(0, corpus.numel() - context - 1, {batch}).to_vector()) {
        x.push_back(corpus.narrow(0, at, context));
        y.push_back(corpus.narrow(0, at + 1, context));
      }
      optimizer.zero_grad();
      const auto loss = cross_entropy(net(stack(x, 0)).flatten(0, 1), stack(y, 0).flatten());
      loss.backward();
      shunt::optim::clip_grad_norm_(net.parameters(), 1.0);
      optimizer.step();
      const std::string bits = std::to_string(loss.item() / std::log(2.0F)) + " bits a character";
      progress.step(bits);
      if (step + 1 == steps) std::cout << bits << " after " << steps << " steps\n";
    }
  }

  net.eval();
  const shunt::NoGrad unrecorded;
  std::string written = text.substr(0, 16);
  for (int i = 0; i < (steps > 5 ? 300 : 10); ++i) {
    const auto from =
        written.size() > static_cast<std::size_t>(context) ? written.size() - static_cast<std::size_t>(context) : 0;
    std::vector<std::int64_t> ids;
    for (const char c : written.substr(from)) ids.push_back(id[static_cast<unsigned char>(c)]);
    const auto logits =
        net(shunt::from_vector(ids, {1, static_cast<std::int64_t>(ids.size())})).select(0, 0).select(0, -1);
    const auto chance = softmax(logits / 0.8, 0).cumsum(0);
    const double u = shunt::rand({}).item();
    std::int64_t next = 0;
    while (next + 1 < chance.numel() && chance.at({next}) < u) ++next;
    written += alphabet[static_cast<std::size_t>(next)];
  }
  std::cout << written << '\n';
} catch (const std::exception& e) {
  std::cerr << "example_char_transformer: " << e.what() << '\n';
  return 1;
}
