#include "shunt/models/transformer.hpp"

#include "shunt/optim/adam.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"
#include "support/modules.hpp"
#include "support/padding.hpp"
#include "support/parity.hpp"

using namespace shunt;
using models::Transformer;
using Ids = Tensor<std::int64_t>;

namespace {

const models::TransformerOptions shared{
    .vocab = 96, .layers = 3, .heads = 4, .width = 64, .hidden = 160, .context = 24, .dropout = 0};
const models::TransformerOptions separate{.vocab = 96,
                                          .target_vocab = 80,
                                          .layers = 2,
                                          .heads = 4,
                                          .width = 64,
                                          .hidden = 160,
                                          .context = 24,
                                          .dropout = 0,
                                          .shared = false,
                                          .norm_first = true};

}  // namespace

TEST_CASE("Transformer agrees with PyTorch: one embedding after the paper, three with the norms first",
          "[models][transformer]") {
  const bool one = GENERATE(true, false);
  const auto source = parity::ids("source", 96, {3, 13}), target = parity::ids("target", 80, {3, 11});
  const auto mask = padding({13, 8, 1}, 13);
  parity::check(
      parity::load("sequences").at(one ? "transformer" : "transformer_separate"),
      [&]<Real T>() { return Transformer<T>(one ? shared : separate); },
      [&](auto& net) { return net(source, target, mask); });
}

TEST_CASE("Transformer: every skip is a ResidualBlock, two an encoder layer and three a decoder's",
          "[models][transformer]") {
  Transformer net(shared);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 3 * 2 + 3 * 3);
  // The base model of table 3 with the 37,000 words of section 5.1: 63 million, by the sum of its layers.
  const std::int64_t w = 512, attention = 4 * w * w + 4 * w, forward = 2 * w * 2048 + 2048 + w, norm = 2 * w;
  const std::int64_t encoder = attention + forward + 2 * norm, decoder = 2 * attention + forward + 3 * norm;
  CHECK((37000 * w + 6 * (encoder + decoder)) / 1000000 == 63);
  CHECK(modules::parameter_count(Transformer({.vocab = 37, .layers = 1})) == 37 * w + encoder + decoder);
}

TEST_CASE("Transformer: the decoder looks back only, and padding is not seen", "[models][transformer]") {
  Transformer net(shared);
  parity::fill<float>(net);
  const auto source = parity::ids("source", 96, {2, 9}), target = parity::ids("target", 96, {2, 7});
  const auto mask = padding({9, 5}, 9);
  const auto y = net(source, target, mask);
  CHECK(gap(y.narrow(1, 0, 4), net(source, target.narrow(1, 0, 4), mask)) < 1e-4);
  CHECK(gap(y[1], net(source.narrow(1, 0, 5), target)[1]) < 1e-4);
  CHECK(gap(y[1], net(source, target)[1]) > 1e-2);
  CHECK(gap(y, net(source, target, mask != 0)) == 0);
}

TEST_CASE("Transformer: translations are the likeliest words one by one", "[models][transformer]") {
  manual_seed(1);
  auto options = separate;
  options.dropout = 0.3;
  Transformer net(options);
  parity::fill<float>(net);
  const auto source = parity::ids("source", 96, {3, 9});
  const auto mask = padding({9, 5, 7}, 9);
  const auto free = net.translate(source, {.begin = 1, .stop = 79, .max_new_tokens = 12}, mask);
  CHECK(net.is_training());
  net.eval();
  auto ids = full<std::int64_t>({3, 1}, 1);
  for (int i = 0; i < 12; ++i) ids = cat({ids, net(source, ids, mask).select(1, -1).argmax(-1, true)}, 1);
  REQUIRE_FALSE((ids == 79).any().item());  // else the sequence would have ended there
  CHECK(equal(free, ids));

  std::int64_t stop = -1;  // a word behind which another one comes, while another sequence goes on
  for (std::int64_t j = 1; j + 1 < 13 && stop < 0; ++j)
    if (const auto word = ids.at({1, j}); word != ids.at({1, j + 1}) && !(ids[0] == word).any().item()) stop = word;
  REQUIRE(stop >= 0);
  const auto written = net.translate(source, {.begin = 1, .stop = stop, .max_new_tokens = 12}, mask);
  for (std::int64_t i = 0; i < 3; ++i) {
    bool ended = false;
    for (std::int64_t j = 1; j < written.size(1); ++j) {
      CHECK(written.at({i, j}) == (ended ? stop : ids.at({i, j})));
      ended = ended || written.at({i, j}) == stop;
    }
    CHECK((ended || written.size(1) == 13));
  }
}

TEST_CASE("Transformer learns to turn a sequence round", "[models][transformer]") {
  manual_seed(2);
  Transformer net({.vocab = 8, .layers = 1, .heads = 4, .width = 32, .hidden = 64, .context = 8, .dropout = 0});
  optim::Adam adam(net.parameters(), {.lr = 3e-3});
  const auto draw = [] {
    const auto words = randint(2, 8, {32, 5});
    return std::pair{words, cat({full<std::int64_t>({32, 1}, 0), flip(words, 1), full<std::int64_t>({32, 1}, 1)}, 1)};
  };
  for (int step = 0; step < 250; ++step) {
    const auto [source, target] = draw();
    adam.zero_grad();
    cross_entropy(net(source, target.slice(1, 0, 6)).flatten(0, 1), target.slice(1, 1, 7).flatten()).backward();
    adam.step();
  }
  const auto [source, target] = draw();
  const auto written = net.translate(source, {.begin = 0, .stop = 1, .max_new_tokens = 6});
  REQUIRE(written.shape() == target.shape());
  INFO((written == target).to<float>().mean().item());
  CHECK((written == target).to<float>().mean().item() > 0.9f);
}

TEST_CASE("Transformer says what it cannot do", "[models][transformer]") {
  Transformer net(shared);
  const auto ids = zeros<std::int64_t>({2, 5});
  CHECK_THROWS_AS(net(zeros<std::int64_t>({2, 25}), ids), ValueError);
  CHECK_THROWS_WITH(net(ids, zeros<std::int64_t>({2, 25})), "Transformer: 25 tokens exceed the context of 24");
  CHECK_THROWS_AS(net(full<std::int64_t>({2, 5}, 96), ids), IndexError);
  CHECK_THROWS_AS(net(ids[0], ids), ShapeError);
  CHECK_THROWS_AS(net(ids, ids, ones<std::int64_t>({2, 4})), ShapeError);
  CHECK_THROWS_AS(net(zeros<std::int64_t>({3, 5}), ids), ShapeError);
  CHECK_THROWS_AS(net.translate(ids, {.begin = 0, .stop = 1, .max_new_tokens = -1}), ValueError);
  CHECK_THROWS_AS(net.translate(ids, {.begin = 96, .stop = 1, .max_new_tokens = 2}), IndexError);
  CHECK_THROWS_WITH(Transformer({.vocab = 96, .target_vocab = 80}), Catch::Contains("cannot share"));
  CHECK_THROWS_AS(Transformer({.vocab = 96, .layers = 1, .heads = 5, .width = 64}), ValueError);
}
