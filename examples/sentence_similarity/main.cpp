// Which sentences say the same? The Universal Sentence Encoder, with its published weights and pieces.
//   example_sentence_similarity [--weights FOLDER] ["A sentence." "Another one." ..] [--short]
// Prints the cosine of each pair's embeddings. FOLDER holds model.json, its shards and vocab.json; `./dev nets` brings
// them to build/nets/sentence.
#include <shunt/data/unigram.hpp>
#include <shunt/io/tfjs.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "../arguments.hpp"
#include "network.hpp"

namespace {

struct Options {
  std::string weights = "build/nets/sentence";
  std::vector<std::string> sentences;
  bool shortened = false;
};

Options parse(int argc, char** argv) {
  Options o;
  if (const char* nets = std::getenv("SHUNT_NETS")) o.weights = std::string(nets) + "/sentence";
  arguments::Parser()
      .option("--weights FOLDER", o.weights)
      .words("SENTENCE ..", o.sentences)
      .flag("--short", o.shortened)
      .parse(argc, argv);
  if (o.sentences.empty())
    o.sentences = {"How old are you?",
                   "What is your age?",
                   "The cat sat on the mat.",
                   "A kitten was resting on the rug.",
                   "Stock markets fell sharply on Monday.",
                   "Share prices dropped steeply at the start of the week.",
                   "Residual connections make deep networks easier to train.",
                   "Call me Ishmael."};
  return o;
}

/// The sentences' pieces as one tensor, -1 behind those that are shorter. The encoder takes 128 pieces of each.
Ids encode(const shunt::data::UnigramTokenizer& tokenizer, const std::vector<std::string>& sentences) {
  std::vector<std::vector<std::int64_t>> rows;
  std::size_t longest = 1;
  for (const auto& sentence : sentences) {
    rows.push_back(tokenizer.encode(sentence));
    if (rows.back().empty()) throw shunt::ValueError("a sentence without a word");
    rows.back().resize(std::min<std::size_t>(rows.back().size(), 128));
    longest = std::max(longest, rows.back().size());
  }
  std::vector<std::int64_t> all;
  for (auto& row : rows) {
    row.resize(longest, -1);
    all.insert(all.end(), row.begin(), row.end());
  }
  return shunt::from_vector(all, {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(longest)});
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  if (!std::filesystem::exists(o.weights + "/model.json")) {
    std::cout << "skipped: the encoder's weights are not in " << o.weights << ": run ./dev nets\n";
    return o.shortened ? 0 : 1;
  }
  const auto tokenizer = shunt::data::UnigramTokenizer::load(o.weights + "/vocab.json", {.tolerant = true});
  const shunt::NoGrad unrecorded;
  SentenceEncoder net;
  net.load_state_dict(sentence_weights(shunt::io::load_tfjs(o.weights + "/model.json")));
  net.eval();
  const auto vectors = net(encode(tokenizer, o.sentences));
  const auto cosines = matmul(vectors, vectors.t());
  for (std::int64_t i = 0; i < cosines.size(0); ++i) {
    for (std::int64_t j = 0; j <= i; ++j) std::printf("%6.2f", static_cast<double>(cosines.at({i, j})));
    std::printf("  %s\n", o.sentences[static_cast<std::size_t>(i)].c_str());
  }
} catch (const std::exception& e) {
  std::cerr << "example_sentence_similarity: " << e.what() << '\n';
  return 1;
}
