// A text, and how well a model predicts it.
#pragma once

#include <shunt/models/gpt2.hpp>
#include <shunt/nn/evaluating.hpp>
#include <shunt/tensor.hpp>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using Ids = shunt::Tensor<std::int64_t>;
using Net = shunt::models::GPT2<float>;

/// The file's text, or a sentence.
inline std::string read(const std::string& path) {
  if (path.empty())
    return "The shunt lets the current pass, and the block learns what to add: deep water, no resistance. ";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw shunt::IoError(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A text as numbers: the place of each character among those that occur.
struct Corpus {
  std::string alphabet;
  Ids training, validation;

  Corpus(std::string text, std::int64_t context) {
    while (static_cast<std::int64_t>(text.size()) < 20 * (context + 1)) text += text;
    for (int c = 0; c < 256; ++c)
      if (text.find(static_cast<char>(c)) != std::string::npos) alphabet += static_cast<char>(c);
    const Ids all = encode(text);
    const std::int64_t kept = all.numel() / 10;
    training = all.slice(0, 0, all.numel() - kept);
    validation = all.slice(0, all.numel() - kept, all.numel());
  }
  Ids encode(const std::string& text) const {
    const auto ids = Ids::empty({static_cast<std::int64_t>(text.size())});
    for (std::size_t i = 0; i < text.size(); ++i) ids.data()[i] = static_cast<std::int64_t>(alphabet.find(text[i]));
    return ids;
  }
  std::string decode(const Ids& ids) const {
    std::string text;
    for (const auto id : ids.to_vector()) text += alphabet[static_cast<std::size_t>(id)];
    return text;
  }
};

/// Nats a character, of text that begins at each of the places.
inline shunt::Tensor<float> loss_at(Net& net, const Ids& text, const std::vector<std::int64_t>& places,
                                    std::int64_t context) {
  std::vector<Ids> x, y;
  for (const auto at : places) {
    x.push_back(text.narrow(0, at, context));
    y.push_back(text.narrow(0, at + 1, context));
  }
  return cross_entropy(net(stack(x)).flatten(0, 1), stack(y).flatten());
}

/// Bits a character of the first 512 stretches of the validation text, or of all that there are.
inline double validate(Net& net, const Ids& text, std::int64_t context, std::int64_t batch) {
  const shunt::NoGrad unrecorded;
  const shunt::nn::Evaluating<float> evaluating(net);
  const std::int64_t n = std::min<std::int64_t>(512, (text.numel() - 1) / context);
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += batch) {
    std::vector<std::int64_t> places;
    for (std::int64_t k = i; k < std::min(n, i + batch); ++k) places.push_back(k * context);
    const auto count = static_cast<double>(places.size());
    sum += count * static_cast<double>(loss_at(net, text, places, context).item());
  }
  return sum / static_cast<double>(n) / std::log(2.0);
}
