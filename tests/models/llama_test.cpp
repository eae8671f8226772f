#include "shunt/models/llama.hpp"

#include "shunt/tensor.hpp"
#include "support/cache.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using models::LLaMA;

namespace {

models::LLaMAOptions tiny_llama(std::int64_t kv_heads, bool tied = false) {
  return {.vocab = 96,
          .context = 24,
          .layers = 3,
          .heads = 4,
          .kv_heads = kv_heads,
          .width = 64,
          .hidden = 160,
          .tied = tied};
}

}  // namespace

TEST_CASE("LLaMA agrees with PyTorch: own heads of keys, shared ones, a tied head", "[models][llama]") {
  const auto [name, kv_heads, tied] = GENERATE(
      table<std::string, int, bool>({{"llama", 0, false}, {"llama_grouped", 2, false}, {"llama_tied", 1, true}}));
  INFO(name);
  const auto options = tiny_llama(kv_heads, tied);
  const auto ids = parity::ids("ids", 96, {2, 17});
  parity::check(
      parity::load("sequences").at(name), [&]<Real T>() { return LLaMA<T>(options); },
      [&](auto& net) { return net(ids); });
}

TEST_CASE("LLaMA: every skip is a ResidualBlock, two a layer; the published size", "[models][llama]") {
  LLaMA net(tiny_llama(2));
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 2 * 3);
  // 6,738,415,616 numbers in the published 7B file, here from a network of less width, and the formula at full width.
  const auto size = [](std::int64_t w, std::int64_t hidden, std::int64_t vocab, std::int64_t layers) {
    return layers * (4 * w * w + 3 * w * hidden + 2 * w) + 2 * vocab * w + w;
  };
  CHECK(size(4096, 11008, 32000, 32) == 6738415616);
  CHECK(modules::parameter_count(LLaMA(tiny_llama(0))) == size(64, 160, 96, 3));
}

TEST_CASE("LLaMA loads what is published", "[models][llama]") {
  manual_seed(1);
  const bool tied = GENERATE(false, true);
  LLaMA net(tiny_llama(2, tied)), other(tiny_llama(2, tied));
  const auto ids = parity::ids("ids", 96, {2, 9});
  StateDict dict = net.state_dict();
  dict.set("model.layers.0.self_attn.rotary_emb.inv_freq", ones({8}));
  if (tied) dict.set("lm_head.weight", net.embed_tokens.weight.detach().clone());
  other.load_state_dict(dict);
  CHECK(gap(other(ids), net(ids)) == 0);
  dict.set("lm_head.weight", randn({96, 64}));
  if (tied)
    CHECK_THROWS_AS(other.load_state_dict(dict), ValueError);
  else
    other.load_state_dict(dict);
}

TEST_CASE("Rotary: how a query meets a key depends on their distance alone", "[models][llama]") {
  manual_seed(2);
  const nn::Rotary<double> rotary(40, 8, 10000);
  const auto q = randn<double>({1, 8}), k = randn<double>({1, 8});
  const auto meet = [&](std::int64_t i, std::int64_t j) { return (rotary(q, i) * rotary(k, j)).sum().item(); };
  CHECK(meet(3, 1) == Approx(meet(39, 37)).epsilon(1e-12));
  CHECK(meet(3, 1) != Approx(meet(3, 2)).epsilon(1e-3));
  CHECK(gap(rotary(q, 0), q) == 0);
  CHECK(norm(rotary(q, 17)).item() == Approx(norm(q).item()).epsilon(1e-12));
  auto both = randn<double>({2, 3, 5, 8});
  CHECK(gap(rotary(both).narrow(-2, 2, 3), rotary(both.narrow(-2, 2, 3), 2)) == 0);
  CHECK_THROWS_AS(nn::Rotary<double>(4, 7, 10000), ValueError);
  CHECK_THROWS_AS(rotary(both, 36), IndexError);
  gradcheck([&](const std::vector<Tensor<double>>& x) { return rotary(x[0], 3); }, {both.requires_grad()});
}

TEST_CASE("LLaMA with a cache gives the logits it gives without, and writes with it", "[models][llama]") {
  manual_seed(3);
  LLaMA net(tiny_llama(GENERATE(4, 2, 1)));
  parity::fill<float>(net);
  const auto ids = parity::ids("ids", 96, {3, 20});
  check_cache(net, ids);
  const NoGrad unrecorded;
  const auto prompt = ids.narrow(1, 0, 4);
  auto written = prompt;
  for (int i = 0; i < 12; ++i) written = cat({written, net(written).select(1, -1).argmax(-1, true)}, 1);
  CHECK(equal(net.generate(prompt, {.max_new_tokens = 12, .temperature = 0}), written));
}

TEST_CASE("LLaMA says what it cannot do", "[models][llama]") {
  LLaMA net(tiny_llama(2));
  CHECK_THROWS_WITH(net(zeros<std::int64_t>({2, 25})), "LLaMA: 25 tokens exceed the context of 24");
  CHECK_THROWS_AS(net(full<std::int64_t>({1, 3}, 96)), IndexError);
  CHECK_THROWS_AS(net(zeros<std::int64_t>({4})), ShapeError);
  CHECK_THROWS_AS(LLaMA(tiny_llama(3)), ValueError);
  CHECK_THROWS_AS(LLaMA({.vocab = 9, .context = 8, .layers = 1, .heads = 4, .width = 12, .hidden = 8}), ValueError);
  CHECK_THROWS_AS(net.generate(zeros<std::int64_t>({1, 20}), {.max_new_tokens = 5}), ValueError);
}
