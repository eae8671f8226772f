#include "shunt/nn/attention.hpp"

#include "shunt/nn/residual.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"

using namespace shunt;

namespace {

/// Each head by itself, from slices of the projections.
Tensor<double> by_heads(const nn::MultiheadAttention<double>& m, std::int64_t heads, std::int64_t kv_heads,
                        const Tensor<double>& q, const Tensor<double>& k, const Tensor<double>& v) {
  const std::int64_t w = q.size(-1), e = w / heads, kv = kv_heads * e;
  const auto part = [&](const Tensor<double>& x, std::int64_t from, std::int64_t head) {
    const std::int64_t at = from + head * e;
    return linear(x, m.in_proj_weight.slice(0, at, at + e), m.in_proj_bias.slice(0, at, at + e));
  };
  std::vector<Tensor<double>> out;
  for (std::int64_t h = 0; h < heads; ++h) {
    const std::int64_t shared = h / (heads / kv_heads);
    const auto p = softmax(matmul(part(q, 0, h), part(k, w, shared).mT()) / std::sqrt(static_cast<double>(e)), -1);
    out.push_back(matmul(p, part(v, w + kv, shared)));
  }
  return linear(cat(out, -1), m.out_proj.weight, m.out_proj.bias);
}

}  // namespace

TEST_CASE("MultiheadAttention is each head by itself", "[nn][attention]") {
  manual_seed(1);
  const auto [heads, kv_heads] = GENERATE(table<int, int>({{1, 1}, {3, 3}, {4, 2}, {6, 1}}));
  nn::MultiheadAttention<double> m({.width = 12, .heads = heads, .kv_heads = kv_heads});
  nn::init::normal_(m.in_proj_bias);
  const auto x = randn<double>({2, 5, 12}), memory = randn<double>({2, 7, 12}), values = randn<double>({2, 7, 12});
  CHECK(gap(m(x), by_heads(m, heads, kv_heads, x, x, x)) < 1e-12);
  CHECK(gap(m(x, memory, memory), by_heads(m, heads, kv_heads, x, memory, memory)) < 1e-12);
  CHECK(gap(m(x, memory, values), by_heads(m, heads, kv_heads, x, memory, values)) < 1e-12);
  CHECK(gap(m(x[0]), m(x)[0]) < 1e-12);
  CHECK(gap(nn::ResidualBlock(m)(x), x + m(x)) < 1e-12);
}

TEST_CASE("MultiheadAttention has PyTorch's parameters", "[nn][attention]") {
  std::vector<std::string> names;
  for (const auto& [name, p] : nn::MultiheadAttention({.width = 8, .heads = 2}).named_parameters())
    names.push_back(name + to_string(p.shape()));
  CHECK(names == std::vector<std::string>{"in_proj_weight(24, 8)", "in_proj_bias(24,)", "out_proj.weight(8, 8)",
                                          "out_proj.bias(8,)"});
  CHECK(nn::MultiheadAttention({.width = 8, .heads = 2, .bias = false}).parameters().size() == 2);
}

TEST_CASE("MultiheadAttention: masks reach every head, also where heads share keys", "[nn][attention]") {
  manual_seed(2);
  const int kv_heads = GENERATE(4, 2);
  nn::MultiheadAttention<double> m({.width = 8, .heads = 4, .kv_heads = kv_heads});
  const auto x = randn<double>({2, 6, 8});
  const auto causal = m(x, {.is_causal = true});
  CHECK(gap(causal.select(1, 2), m(x.slice(1, 0, 3)).select(1, 2)) < 1e-12);
  auto allowed = Tensor<bool>::empty({6, 6});
  for (std::int64_t i = 0; i < 36; ++i) allowed.data()[i] = i % 6 <= i / 6;
  CHECK(gap(m(x, {.attn_mask = allowed}), causal) < 1e-12);
  CHECK(gap(m(x, {.attn_mask = allowed.expand({2, 4, 6, 6})}), causal) < 1e-12);
  CHECK(gap(m(x, {.attn_mask = allowed.expand({2, 1, 6, 6})}), causal) < 1e-12);
  // A padding mask (n, s), as (n, 1, 1, s): the last two keys of the second sequence are hidden.
  auto padding = Tensor<bool>::empty({2, 1, 1, 6});
  for (std::int64_t i = 0; i < 12; ++i) padding.data()[i] = i < 10;
  const auto padded = m(x, {.attn_mask = padding});
  CHECK(gap(padded[0], m(x)[0]) < 1e-12);
  CHECK(gap(padded[1].slice(0, 0, 4), m(x[1].slice(0, 0, 4))) < 1e-12);
}

TEST_CASE("MultiheadAttention: gradients reach x and every parameter", "[nn][attention]") {
  manual_seed(3);
  nn::MultiheadAttention<double> m({.width = 6, .heads = 3});
  const auto x = randn<double>({2, 4, 6});
  const auto direction = randn<double>({2, 4, 6});
  const auto f = [&](const Tensor<double>& v) { return m(v, {.is_causal = true}); };
  const auto [dx] = vjp(f, std::tuple{x}, direction);
  const auto step = randn<double>({2, 4, 6});
  const NoGrad unrecorded;
  const double difference = (((f(x + step * 1e-6) - f(x - step * 1e-6)) / 2e-6) * direction).sum().item();
  CHECK((dx * step).sum().item() == Approx(difference).epsilon(1e-7));
  const EnableGrad recording;
  f(x).sum().backward();
  for (const auto& [name, p] : m.named_parameters()) {
    INFO(name);
    CHECK(p.grad().abs().max().item() > 0);
  }
}

TEST_CASE("MultiheadAttention drops weights in training only", "[nn][attention]") {
  manual_seed(4);
  nn::MultiheadAttention m({.width = 8, .heads = 2, .dropout = 0.5});
  const auto x = randn({2, 6, 8});
  CHECK(gap(m(x), m(x)) > 0);
  m.eval();
  CHECK(gap(m(x), m(x)) == 0);
}

TEST_CASE("MultiheadAttention names what does not fit", "[nn][attention]") {
  CHECK_THROWS_AS(nn::MultiheadAttention({.width = 8, .heads = 3}), ValueError);
  CHECK_THROWS_AS(nn::MultiheadAttention({.width = 8, .heads = 4, .kv_heads = 3}), ValueError);
  CHECK_THROWS_WITH(nn::MultiheadAttention({.width = 8, .heads = 2})(zeros({2, 3, 7})),
                    Catch::Contains("MultiheadAttention") && Catch::Contains("(2, 3, 7)"));
}
