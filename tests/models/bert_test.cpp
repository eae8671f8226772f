#include "shunt/models/bert.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"
#include "support/modules.hpp"
#include "support/padding.hpp"
#include "support/parity.hpp"

using namespace shunt;
using models::BERT;

namespace {

models::BERTOptions tiny_bert(bool mlm = false) {
  return {.vocab = 96, .context = 24, .layers = 3, .heads = 4, .width = 64, .hidden = 160, .dropout = 0, .mlm = mlm};
}

/// The names that older files have: bert. in front of all but the heads, gamma and beta for the norms.
StateDict as_published(const BERT<float>& net) {
  StateDict dict;
  for (const auto& [own, tensor] : net.state_dict()) {
    std::string name = own;
    const auto dot = name.rfind("LayerNorm.");
    if (dot != std::string::npos)
      name.replace(dot + 10, std::string::npos, name.ends_with("weight") ? "gamma" : "beta");
    dict.set((name.starts_with("cls.") ? "" : "bert.") + name, tensor);
  }
  dict.set("bert.embeddings.position_ids", arange<std::int64_t>(24).unsqueeze(0));
  return dict;
}

}  // namespace

TEST_CASE("BERT agrees with PyTorch: hidden states, pooled, masked words", "[models][bert]") {
  const auto ids = parity::ids("ids", 96, {3, 15}), types = parity::ids("types", 2, {3, 15});
  const auto mask = padding({15, 9, 1}, 15);
  const auto records = parity::load("sequences");
  const auto make = []<Real T>() { return BERT<T>(tiny_bert()); };
  const auto with_head = []<Real T>() { return BERT<T>(tiny_bert(true)); };
  SECTION("hidden") {
    parity::check(records.at("bert_hidden"), make, [&](auto& net) { return net(ids, mask, types); });
  }
  SECTION("pooled") {
    parity::check(records.at("bert_pooled"), make, [&](auto& net) { return net.pooled(ids, mask, types); });
  }
  SECTION("mlm") {
    parity::check(records.at("bert_mlm"), with_head, [&](auto& net) { return net.mlm(net(ids, mask, types)); });
  }
}

TEST_CASE("BERT: every skip is a ResidualBlock, two a layer; the published size", "[models][bert]") {
  BERT net(tiny_bert());
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 2 * 3);
  // The published BertModel, bert-base-uncased, has 109,482,240 numbers.
  const auto size = [](std::int64_t rows, std::int64_t layers, std::int64_t w, std::int64_t hidden) {
    const std::int64_t attention = 4 * (w * w + w), feed_forward = 2 * w * hidden + hidden + w;
    return rows * w + 2 * w + layers * (attention + feed_forward + 4 * w) + w * w + w;
  };
  CHECK(size(30522 + 512 + 2, 12, 768, 3072) == 109482240);
  CHECK(modules::parameter_count(net) == size(96 + 24 + 2, 3, 64, 160));
  const models::BERTOptions published;
  CHECK(size(published.vocab + published.context + published.types, published.layers, published.width,
             4 * published.width) == 109482240);
}

TEST_CASE("BERT: bool and integer masks say the same, and hidden tokens do not reach the others", "[models][bert]") {
  BERT net(tiny_bert());
  parity::fill<float>(net);
  const auto ids = parity::ids("ids", 96, {2, 10});
  const auto mask = padding({10, 6}, 10);
  const auto y = net(ids, mask);
  CHECK(gap(y, net(ids, mask != 0)) == 0);
  CHECK(gap(y, net(ids, mask != 0, zeros<std::int64_t>({2, 10}))) == 0);
  CHECK(gap(y[0], net(ids)[0]) < 1e-5);
  CHECK(gap(y[1].narrow(0, 0, 6), net(ids.narrow(1, 0, 6))[1]) < 1e-5);
  CHECK(gap(y[1], net(ids)[1]) > 1e-2);
  CHECK(gap(net.pooled(ids, mask), net.pooled(y)) == 0);
  CHECK(gap(net(ids, {}, ones<std::int64_t>({2, 10})), net(ids)) > 1e-2);
}

TEST_CASE("BERT loads what is published, whatever it is called there", "[models][bert]") {
  manual_seed(1);
  BERT net(tiny_bert()), other(tiny_bert());
  const auto ids = parity::ids("ids", 96, {2, 9});
  StateDict dict = as_published(net);
  const bool heads = GENERATE(false, true);
  if (heads) {  // a file of BertForPreTraining: its heads are of no use here
    dict = as_published(BERT(tiny_bert(true)));
    dict.insert("", as_published(net));
    dict.set("cls.predictions.decoder.weight", randn({96, 64}));
    dict.set("cls.seq_relationship.weight", randn({2, 64}));
    dict.set("cls.seq_relationship.bias", randn({2}));
  }
  other.load_state_dict(dict);
  CHECK(gap(other.pooled(ids), net.pooled(ids)) == 0);
  other.load_state_dict(net.state_dict());
  CHECK_THROWS_AS(other.mlm(other(ids)), ValueError);
}

TEST_CASE("BERT with the masked-word head: its decoder is the words' embedding", "[models][bert]") {
  manual_seed(2);
  BERT net(tiny_bert(true)), other(tiny_bert(true));
  nn::init::normal_(net.mlm_bias);
  const auto ids = parity::ids("ids", 96, {2, 9});
  StateDict dict = as_published(net);
  dict.set("cls.predictions.decoder.weight", net.words.weight.detach().clone());
  dict.set("cls.predictions.decoder.bias", net.mlm_bias.detach().clone());
  dict.set("cls.seq_relationship.weight", randn({2, 64}));
  other.load_state_dict(dict);
  CHECK(gap(other.mlm(other(ids)), net.mlm(net(ids))) == 0);
  CHECK(other.mlm(other(ids)).shape() == Shape{2, 9, 96});
  dict.set("cls.predictions.decoder.weight", randn({96, 64}));
  CHECK_THROWS_WITH(other.load_state_dict(dict), Catch::Contains("cls.predictions.decoder.weight differs"));
  CHECK_THROWS_WITH(other.load_state_dict(as_published(BERT(tiny_bert()))),
                    Catch::Contains("missing: cls.predictions.bias"));
}

TEST_CASE("BERT without the pooler reads files with and without it", "[models][bert]") {
  manual_seed(4);
  auto options = tiny_bert(true);
  BERT whole(options);
  options.pooler = false;
  BERT net(options), other(options);
  CHECK(modules::parameter_count(whole) - modules::parameter_count(net) == 64 * 64 + 64);
  const auto ids = parity::ids("ids", 96, {2, 9});
  net.load_state_dict(as_published(whole));
  CHECK(gap(net.mlm(net(ids)), whole.mlm(whole(ids))) == 0);
  other.load_state_dict(as_published(net));
  CHECK(gap(other(ids), whole(ids)) == 0);
  CHECK_THROWS_WITH(net.pooled(ids), Catch::Contains(".pooler = false"));
}

TEST_CASE("BERT drops in training only", "[models][bert]") {
  auto options = tiny_bert();
  options.dropout = 0.2;
  BERT net(options);
  const auto ids = parity::ids("ids", 96, {2, 9});
  CHECK(gap(net(ids), net(ids)) > 0);
  net.eval();
  CHECK(gap(net(ids), net(ids)) == 0);
}

TEST_CASE("BERT says what it cannot do", "[models][bert]") {
  BERT net(tiny_bert());
  const auto ids = zeros<std::int64_t>({2, 5});
  CHECK_THROWS_WITH(net(zeros<std::int64_t>({2, 25})), "BERT: 25 tokens exceed the context of 24");
  CHECK_THROWS_AS(net(zeros<std::int64_t>({5})), ShapeError);
  CHECK_THROWS_AS(net(full<std::int64_t>({1, 3}, 96)), IndexError);
  CHECK_THROWS_AS(net(ids, ones<std::int64_t>({2, 4})), ShapeError);
  CHECK_THROWS_AS(net(ids, {}, ones<std::int64_t>({2, 4})), ShapeError);
  CHECK_THROWS_AS(net(ids, {}, full<std::int64_t>({2, 5}, 2)), IndexError);
  CHECK_THROWS_AS(BERT({.heads = 5, .width = 64}), ValueError);
}
