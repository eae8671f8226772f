#include "shunt/ops/attention.hpp"

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"
#include "support/gap.hpp"
#include "support/isa.hpp"

using namespace shunt;

namespace {

using Inputs = std::vector<Tensor<double>>;

/// What one query gives, by the definition: score(i, j) is added to scale q_i k_j, minus infinity where j is hidden.
template <class Score>
Tensor<double> attention_by_loops(const Inputs& x, double scale, const Score& score) {
  const auto q = x[0].contiguous(), k = x[1].contiguous(), v = x[2].contiguous();
  const std::int64_t t = q.size(-2), s = k.size(-2), e = q.size(-1), d = v.size(-1);
  Shape shape = q.shape();
  shape[q.rank() - 1] = d;
  auto y = zeros<double>(shape);
  const std::int64_t batch = t * e > 0 ? q.numel() / (t * e) : 0;
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t i = 0; i < t; ++i) {
      std::vector<double> p(static_cast<std::size_t>(s));
      double total = 0;
      for (std::int64_t j = 0; j < s; ++j) {
        double dot = 0;
        for (std::int64_t c = 0; c < e; ++c) dot += q.data()[(b * t + i) * e + c] * k.data()[(b * s + j) * e + c];
        total += p[static_cast<std::size_t>(j)] = std::exp(scale * dot + score(b, i, j));
      }
      for (std::int64_t j = 0; j < s && total > 0; ++j)
        for (std::int64_t c = 0; c < d; ++c)
          y.data()[(b * t + i) * d + c] += p[static_cast<std::size_t>(j)] / total * v.data()[(b * s + j) * d + c];
    }
  return y;
}

Tensor<bool> from_pattern(const Shape& shape, const std::vector<int>& bits) {
  auto m = Tensor<bool>::empty(shape);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = bits[static_cast<std::size_t>(i) % bits.size()] != 0;
  return m;
}

}  // namespace

TEST_CASE("attention: value and gradients", "[ops][attention]") {
  const auto [q, k, v] = GENERATE(table<Shape, Shape, Shape>({{{3, 4}, {5, 4}, {5, 2}},
                                                              {{2, 2, 3, 4}, {2, 2, 6, 4}, {2, 2, 6, 4}},
                                                              {{1, 17, 3}, {1, 9, 3}, {1, 9, 5}},
                                                              {{2, 0, 3}, {2, 4, 3}, {2, 4, 3}},
                                                              {{2, 3, 4}, {2, 0, 4}, {2, 0, 2}}}));
  const double root = 1 / std::sqrt(static_cast<double>(q.back()));
  check_op("scaled_dot_product_attention", [](const auto& x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
           {q, k, v}, {.oracle = [&](const Inputs& x) {
             return attention_by_loops(x, root, [](auto, auto, auto) { return 0.0; });
           }});
}

TEST_CASE("attention: causal, and another scale", "[ops][attention]") {
  const auto [t, s] = GENERATE(table<int, int>({{4, 4}, {3, 5}, {5, 3}, {70, 70}}));
  const auto causal = [](const auto& x) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true, .scale = 0.7});
  };
  const auto oracle = [](const Inputs& x) {
    return attention_by_loops(x, 0.7, [](auto, auto i, auto j) { return j > i ? -infinity : 0.0; });
  };
  check_op("scaled_dot_product_attention", causal, {{t, 3}, {s, 3}, {s, 2}}, {.oracle = oracle});
}

TEST_CASE("attention by a bool mask: hidden keys count for nothing, a row of them gives zeros", "[ops][attention]") {
  const auto shape = GENERATE(Shape{3, 4}, Shape{2, 1, 3, 4}, Shape{2, 2, 3, 4}, Shape{2, 1, 1, 4}, Shape{1});
  const auto mask = from_pattern(shape, {1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1});
  const auto whole = mask.expand({2, 2, 3, 4}).contiguous();
  const auto op = [&](const auto& x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = mask}); };
  const auto oracle = [&](const Inputs& x) {
    return attention_by_loops(x, 1 / std::sqrt(2.0), [&](auto b, auto i, auto j) {
      return whole.data()[(b * 3 + i) * 4 + j] ? 0.0 : -infinity;
    });
  };
  check_op("scaled_dot_product_attention", op, {{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 3}}, {.oracle = oracle});
}

TEST_CASE("attention by numbers added to the scores, which may want a gradient", "[ops][attention]") {
  const auto shape = GENERATE(Shape{3, 4}, Shape{2, 1, 4}, Shape{2, 3, 4});
  const auto op = [](const auto& x) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .is_causal = true});
  };
  const auto oracle = [](const Inputs& x) {
    const auto added = x[3].expand({2, 3, 4}).contiguous();
    return attention_by_loops(x, 1 / std::sqrt(2.0), [&](auto b, auto i, auto j) {
      return j > i ? -infinity : added.data()[(b * 3 + i) * 4 + j];
    });
  };
  const std::vector<Shape> shapes{{2, 3, 2}, {2, 4, 2}, {2, 4, 3}, shape};
  check_op("scaled_dot_product_attention", op, shapes, {.oracle = oracle});
  check_op("scaled_dot_product_attention", op, shapes, {.fixed = {3}, .oracle = oracle});
}

TEST_CASE("attention: a row that sees nothing gets no gradient and gives none", "[ops][attention]") {
  manual_seed(1);
  const auto q = randn({3, 4}).requires_grad(), k = randn({5, 4}).requires_grad(), v = randn({5, 4}).requires_grad();
  const bool by_numbers = GENERATE(false, true);
  const auto none = from_pattern({3, 5}, {0});
  const auto y = by_numbers ? scaled_dot_product_attention(q, k, v, {.attn_mask = full({5}, -infinity)})
                            : scaled_dot_product_attention(q, k, v, {.attn_mask = none});
  y.backward(ones({3, 4}));
  for (const auto& x : {y.detach(), q.grad(), k.grad(), v.grad()}) CHECK(gap(x, zeros(x.shape())) == 0);
}

TEST_CASE("attention: a query that is not a number gives none, others stay", "[ops][attention]") {
  manual_seed(7);
  const auto q = randn({3, 4}), k = randn({5, 4}), v = randn({5, 4});
  const auto clean = scaled_dot_product_attention(q, k, v);
  q.select(0, 1).fill_(float_nan);
  const auto y = scaled_dot_product_attention(q, k, v);
  CHECK(isnan(y.select(0, 1)).all().item());
  CHECK(gap(y.select(0, 0), clean.select(0, 0)) == 0);
  CHECK(gap(y.select(0, 2), clean.select(0, 2)) == 0);
}

TEST_CASE("attention: heads may share keys by broadcasting", "[ops][attention]") {
  manual_seed(2);
  const auto q = randn<double>({2, 3, 4, 5, 6}), k = randn<double>({2, 3, 1, 7, 6}), v = randn<double>({2, 3, 1, 7, 6});
  const auto apart =
      scaled_dot_product_attention(q, k.expand({2, 3, 4, 7, 6}).contiguous(), v.expand({2, 3, 4, 7, 6}).contiguous());
  CHECK(gap(scaled_dot_product_attention(q, k, v), apart) < 1e-12);
  check_op("scaled_dot_product_attention",
           [](const auto& x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true}); },
           {{2, 2, 3, 2}, {2, 1, 3, 2}, {1, 2, 3, 2}});
}

TEST_CASE("attention: dropout of the weights, drawn again in backward", "[ops][attention]") {
  const auto op = [](const auto& x) {
    Generator same(5);
    return scaled_dot_product_attention(x[0], x[1], x[2], {.dropout_p = 0.4, .is_causal = true}, same);
  };
  check_op("scaled_dot_product_attention", op, {{2, 5, 3}, {2, 70, 3}, {2, 70, 3}});
  manual_seed(3);
  const auto mean =
      scaled_dot_product_attention(zeros({400, 1, 2}), zeros({400, 50, 2}), ones({400, 50, 1}), {.dropout_p = 0.5});
  CHECK(mean.mean().item() == Approx(1).margin(0.03));
  CHECK(mean.min().item() < 0.9f);
}

TEST_CASE("attention of float follows double over long rows", "[ops][attention]") {
  manual_seed(4);
  const auto q = randn<double>({2, 3, 130, 24}), k = randn<double>({2, 3, 300, 24}), v = randn<double>({2, 3, 300, 40});
  const auto y = scaled_dot_product_attention(q.to<float>(), k.to<float>(), v.to<float>());
  const auto oracle = attention_by_loops({q, k, v}, 1 / std::sqrt(24.0), [](auto, auto, auto) { return 0.0; });
  CHECK(gap(y.to<double>(), oracle) < 2e-6);
  CHECK(gap(scaled_dot_product_attention(q, k, v), oracle) < 1e-13);
}

TEST_CASE("attention's kernel agrees with the composition over many blocks of rows", "[ops][attention]") {
  manual_seed(6);
  const Shape lead{2, 3};
  const std::vector<Tensor<double>> x{randn<double>({2, 3, 130, 12}), randn<double>({2, 1, 300, 12}),
                                      randn<double>({2, 3, 300, 20}), randn<double>({130, 300})};
  const bool causal = GENERATE(false, true), masked = GENERATE(false, true);
  const double dropout_p = GENERATE(0.0, 0.3), scale = GENERATE(0.3, -0.2);
  const AttentionOptions<double> options{.dropout_p = dropout_p, .is_causal = causal};
  const auto gradients = [&](bool fused) {
    Tensor<double> q = x[0].clone().requires_grad(), k = x[1].clone().requires_grad(), v = x[2].clone().requires_grad();
    auto o = options;
    if (masked) o.attn_mask = x[3].clone().requires_grad();
    Generator source(8);
    const auto y = fused ? detail::fused_attention(lead, q, k, v, o, scale, source)
                         : detail::composed_attention(q, k, v, o, scale, source);
    (y * y).sum().backward();
    std::vector<Tensor<double>> all{y.detach(), q.grad(), k.grad(), v.grad()};
    if (masked) all.push_back(o.attn_mask.added.grad());
    return all;
  };
  const auto a = gradients(true), b = gradients(false);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(gap(a[i], b[i]) < 1e-12);
}

TEST_CASE("attention keeps no (t, s) matrix", "[ops][attention]") {
  const auto q = randn({4, 512, 16}).requires_grad();  // a matrix of weights would take 4 MB
  reset_peak_memory();
  const auto before = memory_stats();
  const auto y = scaled_dot_product_attention(q, q, q, {.is_causal = true});
  CHECK(memory_stats().live - before.live < 200'000);
  y.backward(ones(y.shape()));
  CHECK(memory_stats().peak - before.live < 1'500'000);
}

TEST_CASE("attention gives the same bits on any number of threads, and agrees on every instruction set",
          "[ops][attention][threads]") {
  manual_seed(7);
  const auto x = randn({2, 4, 150, 40});
  const auto run = [&] {
    const auto q = x.detach().requires_grad();
    const auto y = scaled_dot_product_attention(q, q, q, {.is_causal = true});
    y.backward(x);
    return std::pair(y.detach(), q.grad());
  };
  const auto [y, g] = run();
  const int threads = num_threads();
  set_num_threads(3);
  const auto [y3, g3] = run();
  set_num_threads(threads);
  CHECK(y3.to_vector() == y.to_vector());
  CHECK(g3.to_vector() == g.to_vector());
  for (Isa i : kernels::isas()) {
    const kernels::Setting setting(i, threads);
    const auto [yi, gi] = run();
    CHECK(gap(yi, y) < 1e-5);
    CHECK(gap(gi, g) < 1e-4);
  }
}

TEST_CASE("attention names what does not fit", "[ops][attention]") {
  const auto q = zeros({2, 3, 4});
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, zeros({2, 5, 3}), zeros({2, 5, 3})),
                    Catch::Contains("scaled_dot_product_attention") && Catch::Contains("(2, 5, 3)"));
  CHECK_THROWS_AS(scaled_dot_product_attention(q, q, zeros({2, 4, 4})), ShapeError);
  CHECK_THROWS_AS(scaled_dot_product_attention(q, q, q, {.attn_mask = zeros({4, 3})}), ShapeError);
  CHECK_THROWS_AS(scaled_dot_product_attention(q, q, q, {.attn_mask = zeros({5, 2, 3, 3})}), ShapeError);
  CHECK_THROWS_AS(scaled_dot_product_attention(q, q, q, {.dropout_p = 2}), ValueError);
}
