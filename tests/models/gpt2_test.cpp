#include "shunt/models/gpt2.hpp"

#include "shunt/nn/linear.hpp"

#include "shunt/tensor.hpp"
#include "support/cache.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using models::GPT2;
using Ids = Tensor<std::int64_t>;

namespace {

const models::GPT2Options tiny_gpt2{.vocab = 96, .context = 24, .layers = 3, .heads = 4, .width = 64, .dropout = 0};

/// A dict with every name behind `prefix`.
StateDict behind(const std::string& prefix, const StateDict& dict) {
  StateDict out;
  out.insert(prefix, dict);
  return out;
}

/// The net's entries as clones, so that loading them back shows.
template <Real T>
StateDict copied(const nn::Module<T>& net) {
  StateDict out;
  for (const auto& [name, tensor] : net.state_dict()) out.set(name, tensor.template as<T>().clone());
  return out;
}

/// How often each token of `vocab` follows the one-token prompt 0 in 4000 draws.
std::vector<double> frequencies(GPT2<float>& net, models::GenerateOptions o, std::uint64_t seed) {
  Generator g(seed);
  const std::int64_t draws = 4000;
  o.max_new_tokens = 1;
  const auto ids = net.generate(zeros<std::int64_t>({draws, 1}), o, g);
  std::vector<double> share(static_cast<std::size_t>(net.wte.weight.size(0)));
  for (std::int64_t i = 0; i < draws; ++i) share[static_cast<std::size_t>(ids.at({i, 1}))] += 1.0 / draws;
  return share;
}

}  // namespace

TEST_CASE("GPT2 agrees with PyTorch: names, values, gradients, ten steps", "[models][gpt2]") {
  const auto ids = parity::ids("ids", 96, {2, 17});
  parity::check(
      parity::load("sequences").at("gpt2"), []<Real T>() { return GPT2<T>(tiny_gpt2); },
      [&](auto& net) { return net(ids); });
}

TEST_CASE("GPT2: every skip is a ResidualBlock, two a layer; the published size", "[models][gpt2]") {
  GPT2 net(tiny_gpt2);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 2 * 3);
  // Radford et al. 2019, table 2 says 117 million; the published file has 124,439,808 numbers besides the masks.
  const auto size = [](std::int64_t vocab, std::int64_t context, std::int64_t layers, std::int64_t w) {
    const std::int64_t attention = (3 * w * w + 3 * w) + (w * w + w),
                       feed_forward = (4 * w * w + 4 * w) + (4 * w * w + w);
    return (vocab + context) * w + layers * (attention + feed_forward + 4 * w) + 2 * w;
  };
  CHECK(size(50257, 1024, 12, 768) == 124439808);
  CHECK(modules::parameter_count(net) == size(96, 24, 3, 64));
  const models::GPT2Options published;
  CHECK(size(published.vocab, published.context, published.layers, published.width) == 124439808);
}

TEST_CASE("GPT2 starts as the paper says", "[models][gpt2]") {
  manual_seed(3);
  GPT2 net({.vocab = 500, .context = 64, .layers = 8, .heads = 4, .width = 64});
  const auto deviation = [&](const std::string& name) {
    return static_cast<double>(net.state_dict().at(name).as<float>().std().item());
  };
  CHECK(deviation("wte.weight") == Approx(0.02).epsilon(0.03));
  CHECK(deviation("wpe.weight") == Approx(0.02).epsilon(0.05));
  CHECK(deviation("h.3.attn.c_attn.weight") == Approx(0.02).epsilon(0.03));
  CHECK(deviation("h.3.mlp.c_proj.weight") == Approx(0.02 / 4).epsilon(0.03));  // 16 branches
  CHECK(deviation("h.3.mlp.c_fc.bias") == 0);
}

TEST_CASE("GPT2 loads what is published, whatever it is called there", "[models][gpt2]") {
  manual_seed(1);
  GPT2 net(tiny_gpt2), other(tiny_gpt2);
  const auto ids = parity::ids("ids", 96, {2, 9});
  const auto wanted = net(ids);
  StateDict dict = copied(net);
  const std::string prefix = GENERATE("", "transformer.");
  const int head = GENERATE(0, 1, 2);  // none, beside wte, in place of it
  dict = behind(prefix, dict);
  dict.set(prefix + "h.0.attn.bias", ones({1, 1, 24, 24}));
  dict.set(prefix + "h.2.attn.masked_bias", AnyTensor(full({}, -1e4)));
  if (head > 0) dict.set("lm_head.weight", net.wte.weight.detach().clone());
  if (head == 2) dict.erase(prefix + "wte.weight");
  const auto before = dict.size();
  other.load_state_dict(dict);
  CHECK(gap(other(ids), wanted) == 0);
  CHECK(dict.size() == before);  // the caller's own stays as it was

  GPT2<double> wide(tiny_gpt2);
  wide.load_state_dict(dict);
  CHECK(gap(wide(ids).to<float>(), wanted) < 1e-5);
}

TEST_CASE("GPT2 refuses a head that differs from wte, and names it does not know", "[models][gpt2]") {
  GPT2 net(tiny_gpt2);
  const auto before = copied(net);
  StateDict dict = copied(GPT2(tiny_gpt2));
  dict.set("lm_head.weight", randn({96, 64}));
  CHECK_THROWS_WITH(net.load_state_dict(dict), Catch::Contains("lm_head.weight differs from wte.weight"));
  dict.erase("lm_head.weight");
  dict.set("transformer.wte.weight", randn({96, 64}));
  CHECK_THROWS_AS(net.load_state_dict(dict), ValueError);  // twice
  dict.erase("transformer.wte.weight");
  dict.set("h.3.ln_1.weight", randn({64}));
  CHECK_THROWS_WITH(net.load_state_dict(dict), Catch::Contains("unexpected: h.3.ln_1.weight"));
  dict.erase("h.3.ln_1.weight");
  dict.erase("h.1.ln_1.weight");
  CHECK_THROWS_WITH(net.load_state_dict(dict), Catch::Contains("missing: h.1.ln_1.weight"));
  for (const auto& [name, tensor] : net.state_dict()) CHECK(equal(tensor.as<float>(), before.at(name).as<float>()));
}

TEST_CASE("A model within a module still takes its published names", "[models][gpt2]") {
  struct Pair : nn::Module<float> {
    GPT2<float> first{tiny_gpt2};
    nn::LayerNorm<float> norm{3};
    GPT2<float> second{tiny_gpt2};
    void members(nn::Members<float>& m) override { m("first", first)("norm", norm)(second); }  // the second is spliced
  } net, other;
  StateDict dict;
  for (const auto& [name, tensor] : copied(net)) {
    const bool first = name.starts_with("first."), norm = name.starts_with("norm.");
    dict.set(first ? "first.transformer." + name.substr(6) : norm ? name : "transformer." + name, tensor);
  }
  dict.set("first.lm_head.weight", net.first.wte.weight.detach().clone());
  dict.set("first.transformer.h.1.attn.bias", ones({1}));
  dict.set("lm_head.weight", net.second.wte.weight.detach().clone());
  other.load_state_dict(dict);
  const auto ids = parity::ids("ids", 96, {1, 5});
  CHECK(gap(other.first(ids), net.first(ids)) == 0);
  CHECK(gap(other.second(ids), net.second(ids)) == 0);
  CHECK(gap(other.first(ids), other.second(ids)) > 0);
}

TEST_CASE("GPT2 with a cache gives the logits it gives without", "[models][gpt2]") {
  manual_seed(2);
  GPT2 net(tiny_gpt2);
  parity::fill<float>(net);
  check_cache(net, parity::ids("ids", 96, {3, 20}));
}

TEST_CASE("A new token with a cache acquires as many buffers early and late, and no large one", "[models][gpt2]") {
  GPT2 net({.vocab = 11, .context = 512, .layers = 2, .heads = 2, .width = 16, .dropout = 0});
  const NoGrad unrecorded;
  auto cache = net.cache(1, 512);
  const auto extra = [&] {
    reset_peak_memory();
    const auto before = memory_stats().live;
    net(zeros<std::int64_t>({1, 1}), cache);
    return memory_stats().peak - before;
  };
  net(zeros<std::int64_t>({1, 10}), cache);
  const auto early = extra();
  net(zeros<std::int64_t>({1, 490}), cache);
  CHECK(extra() == early);
}

TEST_CASE("Generation by the likeliest token is what the whole forward gives", "[models][gpt2]") {
  manual_seed(4);
  GPT2 net({.vocab = 40, .context = 24, .layers = 2, .heads = 2, .width = 32});  // drops in training
  parity::fill<float>(net);
  const auto prompt = parity::ids("prompt", 40, {3, 4});
  const auto written = net.generate(prompt, {.max_new_tokens = 20, .temperature = 0});
  CHECK(written.shape() == Shape{3, 24});
  CHECK(equal(written.narrow(1, 0, 4), prompt));
  CHECK(equal(written, net.generate(prompt, {.max_new_tokens = 20, .temperature = 0})));
  CHECK(net.is_training());  // and so do those below
  CHECK(gap(net(prompt), net(prompt)) > 0);

  net.eval();
  auto ids = prompt;
  for (int i = 0; i < 20; ++i) ids = cat({ids, net(ids).select(1, -1).argmax(-1, true)}, 1);
  CHECK(equal(written, ids));
  CHECK_FALSE(net.h[0].is_training());
  CHECK(equal(net.generate(prompt, {.max_new_tokens = 0}), prompt));
}

TEST_CASE("Generation ends with the stop token and fills up with it", "[models][gpt2]") {
  GPT2 net({.vocab = 40, .context = 24, .layers = 2, .heads = 2, .width = 32, .dropout = 0});
  parity::fill<float>(net);
  const auto prompt = parity::ids("prompt", 40, {3, 4});
  const auto free = net.generate(prompt, {.max_new_tokens = 20, .temperature = 0});
  std::int64_t stop = -1;  // a token behind which another one comes
  for (std::int64_t j = 4; j + 1 < 24 && stop < 0; ++j)
    if (free.at({1, j}) != free.at({1, j + 1})) stop = free.at({1, j});
  REQUIRE(stop >= 0);
  const auto written = net.generate(prompt, {.max_new_tokens = 20, .temperature = 0, .stop = stop});
  std::int64_t longest = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    bool ended = false;
    for (std::int64_t j = 4; j < written.size(1); ++j) {
      CHECK(written.at({i, j}) == (ended ? stop : free.at({i, j})));
      if (!ended) longest = std::max(longest, j + 1);
      ended = ended || written.at({i, j}) == stop;
    }
  }
  CHECK(written.size(1) == longest);
}

TEST_CASE("Draws follow the softmax, divided by the temperature and cut by top_k and top_p", "[models][gpt2]") {
  GPT2 net({.vocab = 12, .context = 4, .layers = 1, .heads = 2, .width = 16, .dropout = 0});
  parity::fill<float>(net);
  net.eval();
  const auto logits = net(zeros<std::int64_t>({1, 1})).select(0, 0).select(0, 0).detach().to<double>();
  struct Case {
    models::GenerateOptions options;
    std::int64_t k;  // how many tokens may come
  };
  const double temperature = GENERATE(0.7, 1.0, 2.0);
  const auto chance = softmax(logits / temperature, 0);
  const auto order = chance.sort(0, true);
  std::int64_t nucleus = 0;
  for (double mass = 0; mass < 0.6; ++nucleus) mass += order.values.at({nucleus});
  REQUIRE(nucleus > 1);
  REQUIRE(nucleus < 12);
  const auto c = GENERATE_COPY(values<Case>({
      {{.max_new_tokens = 1, .temperature = temperature}, 12},
      {{.max_new_tokens = 1, .temperature = temperature, .top_k = 3}, 3},
      {{.max_new_tokens = 1, .temperature = temperature, .top_k = 100}, 12},
      {{.max_new_tokens = 1, .temperature = temperature, .top_p = 0.6}, nucleus},
      {{.max_new_tokens = 1, .temperature = temperature, .top_k = 1, .top_p = 0.6}, 1},
      {{.max_new_tokens = 1, .temperature = temperature, .top_p = 1e-9}, 1},
  }));
  const auto share = frequencies(net, c.options, 7);
  const double mass = order.values.slice(0, 0, c.k).sum().item();
  double chi2 = 0;
  for (std::int64_t rank = 0; rank < 12; ++rank) {
    const auto token = order.indices.at({rank});
    const double wanted = rank < c.k ? chance.at({token}) / mass : 0, got = share[static_cast<std::size_t>(token)];
    if (rank >= c.k) CHECK(got == 0);
    if (rank < c.k) chi2 += 4000 * (got - wanted) * (got - wanted) / wanted;
  }
  CHECK(chi2 < 33.1);  // exceeded once in 2000 draws at 11 degrees of freedom, more rarely at fewer
}

TEST_CASE("Draws from equal seeds are equal", "[models][gpt2]") {
  GPT2 net(tiny_gpt2);
  const auto prompt = parity::ids("prompt", 96, {2, 4});
  const auto draw = [&](std::uint64_t seed) {
    Generator g(seed);
    return net.generate(prompt, {.max_new_tokens = 15, .top_k = 50, .top_p = 0.9}, g);
  };
  CHECK(equal(draw(5), draw(5)));
  CHECK_FALSE(equal(draw(5), draw(6)));
  manual_seed(9);
  const auto first = net.generate(prompt, {.max_new_tokens = 15});
  manual_seed(9);
  CHECK(equal(net.generate(prompt, {.max_new_tokens = 15}), first));
}

TEST_CASE("Tokens by their logits: ties, cuts and what are no numbers", "[models][gpt2]") {
  const double never = -std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto pick = [](const std::vector<double>& logits, const models::GenerateOptions& o, double u) {
    return models::sample_token(from_vector(logits), o, u);
  };
  const models::GenerateOptions draw{.max_new_tokens = 1}, best{.max_new_tokens = 1, .temperature = 0};
  CHECK(pick({1, 3, 3, 2}, best, 0.9) == 1);
  CHECK(pick({1, 3, 3, 2}, {.max_new_tokens = 1, .top_k = 1}, 0.9) == 1);  // of equals the first
  CHECK(pick({never, 0, never, 0}, draw, 0) == 1);
  CHECK(pick({never, 0, never, 0}, draw, 1 - 1e-16) == 3);
  CHECK(pick({never, 5, never}, {.max_new_tokens = 1, .top_p = 0.5}, 0.999) == 1);
  CHECK(pick({-1000, 0}, {.max_new_tokens = 1, .temperature = 1e-300}, 0.999) == 1);
  for (const auto& logits : {std::vector<double>{1, nan}, {nan, 1}, {never, never}, {1, -never}})
    for (const auto& o : {draw, best}) CHECK_THROWS_AS(pick(logits, o, 0.5), ValueError);
}

TEST_CASE("GPT2 says what it cannot do", "[models][gpt2]") {
  GPT2 net(tiny_gpt2);
  const auto ids = zeros<std::int64_t>({2, 24});
  CHECK(net(ids).shape() == Shape{2, 24, 96});
  CHECK(net(ids.narrow(0, 0, 0)).shape() == Shape{0, 24, 96});
  CHECK_THROWS_WITH(net(zeros<std::int64_t>({2, 25})), "GPT2: 25 tokens exceed the context of 24");
  CHECK_THROWS_AS(net(zeros<std::int64_t>({24})), ShapeError);
  CHECK_THROWS_AS(net(full<std::int64_t>({1, 3}, 96)), IndexError);
  CHECK_THROWS_AS(net(full<std::int64_t>({1, 3}, -1)), IndexError);
  CHECK_THROWS_AS(GPT2({.heads = 5, .width = 64}), ValueError);

  CHECK_THROWS_AS(net.generate(ids, {.max_new_tokens = 1}), ValueError);
  CHECK_THROWS_AS(net.generate(full<std::int64_t>({1, 3}, 96), {.max_new_tokens = 1}), IndexError);
  CHECK_THROWS_AS(net.generate(zeros<std::int64_t>({1, 0}), {.max_new_tokens = 1}), ShapeError);
  const auto one = ids.narrow(1, 0, 1);
  CHECK_THROWS_WITH(net.generate(one, {.max_new_tokens = 1, .temperature = -1}),
                    "generate: temperature must not be -1.0");
  for (const models::GenerateOptions& o : std::vector<models::GenerateOptions>{
           {.max_new_tokens = -1},
           {.max_new_tokens = 1, .temperature = std::numeric_limits<double>::quiet_NaN()},
           {.max_new_tokens = 1, .top_k = -1},
           {.max_new_tokens = 1, .top_p = 0},
           {.max_new_tokens = 1, .top_p = 1.5},
           {.max_new_tokens = 24}})
    CHECK_THROWS_AS(net.generate(one, o), ValueError);

  CHECK_THROWS_AS(net.cache(2, 25), ValueError);
  auto cache = net.cache(2, 6);
  net(ids.narrow(1, 0, 5), cache);
  CHECK_THROWS_WITH(net(ids.narrow(1, 0, 2), cache), Catch::Contains("capacity of 6"));
  CHECK_THROWS_AS(net(zeros<std::int64_t>({1, 1}), cache), ShapeError);  // of one sequence into a cache of two
  CHECK(cache.length() == 5);
  net(ids.narrow(1, 0, 1), cache);
  auto shallow = GPT2({.vocab = 96, .context = 24, .layers = 2, .heads = 4, .width = 64}).cache(2, 6);
  CHECK_THROWS_AS(net(one, shallow), IndexError);
  net.h[1].attention.branch = nn::Linear(64, 64);
  CHECK_THROWS_AS(net(one, cache), ValueError);
}
