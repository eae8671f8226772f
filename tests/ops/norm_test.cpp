#include "shunt/ops/norm.hpp"

#include <cmath>

#include "shunt/ops/inplace.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"
#include "support/gap.hpp"

using namespace shunt;

namespace {

using Inputs = std::vector<Tensor<double>>;

/// (x - mean) / sqrt(var + eps) over `dims`, from elementary operations.
template <Real T>
Tensor<T> standardised(const Tensor<T>& x, const Dims& dims, double eps, bool centered = true) {
  const auto c = centered ? x - mean(x, dims, true) : x;
  return c / sqrt(mean(c * c, dims, true) + eps);
}
/// A (c,) tensor as (1, c, 1, ...).
template <Real T>
Tensor<T> per_channel(const Tensor<T>& w, const Tensor<T>& x) {
  Shape shape = Shape::filled(x.rank(), 1);
  shape[1] = w.numel();
  return reshape(w, shape);
}
Dims all_but_channels(int rank) {
  Dims dims(0);
  for (int d = 2; d < rank; ++d) dims.push_back(d);
  return dims;
}
template <Scalar T>
Tensor<T> none() {
  return Tensor<T>();
}

constexpr double eps = 0.1;  // large, so that sets of equal elements are no kink for finite differences

}  // namespace

TEST_CASE("batch_norm in training: value and gradients", "[ops][norm]") {
  const auto shape = GENERATE(Shape{5, 3}, Shape{3, 45}, Shape{4, 2, 3}, Shape{2, 3, 4, 5}, Shape{3, 2, 9, 9});
  const auto weighted = [](const auto& x) {
    using T = typename std::remove_cvref_t<decltype(x[0])>::value_type;
    return batch_norm(x[0], none<T>(), none<T>(), x[1], x[2], {.training = true, .eps = eps});
  };
  const auto oracle = [](const Inputs& x) {
    const auto z = standardised(x[0], all_but_channels(x[0].rank()), eps);
    return z * per_channel(x[1], z) + per_channel(x[2], z);
  };
  check_op("batch_norm", weighted, {shape, {shape[1]}, {shape[1]}}, {.oracle = oracle});
}

TEST_CASE("batch_norm by given statistics: value and gradients", "[ops][norm]") {
  const auto shape = GENERATE(Shape{5, 3}, Shape{2, 3, 4, 5}, Shape{1, 2}, Shape{0, 2, 3});
  const auto given = [](const auto& x) {
    using T = typename std::remove_cvref_t<decltype(x[0])>::value_type;
    const auto mean = full<T>({x[0].size(1)}, 0.5), var = full<T>({x[0].size(1)}, 2);
    return batch_norm(x[0], mean, var, x[1], x[2], {.eps = eps});
  };
  const auto oracle = [](const Inputs& x) {
    return (x[0] - 0.5) / std::sqrt(2 + eps) * per_channel(x[1], x[0]) + per_channel(x[2], x[0]);
  };
  check_op("batch_norm", given, {shape, {shape[1]}, {shape[1]}}, {.oracle = oracle});
}

TEST_CASE("batch_norm by given statistics: what is not finite in x stays out of x's gradient, as in PyTorch",
          "[ops][norm]") {
  const auto shape = GENERATE(Shape{2, 2}, Shape{2, 2, 1, 1});
  const auto x = from_vector<double>({not_a_number, 1, 2, infinity}, shape).requires_grad();
  const auto w = tensor<double>({2, 3}).requires_grad();
  batch_norm(x, zeros<double>({2}), ones<double>({2}), w, {}, {.eps = 0})
      .backward(from_vector<double>({1, 2, 3, 4}, shape));
  CHECK(x.grad().to_vector() == std::vector<double>{2, 6, 6, 12});
  CHECK(std::isnan(w.grad().at({0})));
  CHECK(w.grad().at({1}) == infinity);
}

TEST_CASE("batch_norm moves the running statistics, the variance unbiased", "[ops][norm]") {
  manual_seed(1);
  const auto x = randn({4, 3, 5, 2}) * 2 + 1;
  const auto running_mean = randn({3}), running_var = rand({3}) + 0.5;
  const auto old_mean = running_mean.clone(), old_var = running_var.clone();
  batch_norm(x, running_mean, running_var, none<float>(), none<float>(), {.training = true, .momentum = 0.3});
  const auto m = mean(x, {0, 2, 3}), c = x - mean(x, {0, 2, 3}, true), v = sum(c * c, {0, 2, 3}) / 39.0;
  CHECK(gap(running_mean, old_mean * 0.7 + m * 0.3) < 1e-6);
  CHECK(gap(running_var, old_var * 0.7 + v * 0.3) < 1e-6);

  const auto before = running_mean.clone();
  batch_norm(x, running_mean, running_var);
  CHECK(gap(running_mean, before) == 0);
  batch_norm(zeros({0, 3, 5, 2}), running_mean, running_var, none<float>(), none<float>(), {.training = true});
  CHECK(gap(running_mean, before) == 0);
}

TEST_CASE("batch_norm loses nothing to a large mean or a long sum", "[ops][norm]") {
  manual_seed(2);
  const auto x = randn<double>({8, 2, 100, 60}) + 1000;
  const auto y =
      batch_norm(x.to<float>(), none<float>(), none<float>(), none<float>(), none<float>(), {.training = true});
  CHECK(gap(y.to<double>(), standardised(x, {0, 2, 3}, 1e-5)) < 1e-4);  // x itself has 6e-5 of rounding error
}

TEST_CASE("layer_norm: value and gradients", "[ops][norm]") {
  const auto [x, last] = GENERATE(table<Shape, Shape>({{{4, 6}, {6}},
                                                       {{2, 3, 5}, {3, 5}},
                                                       {{7}, {7}},
                                                       {{3, 77}, {77}},
                                                       {{2, 3, 1}, {1}},
                                                       {{0, 4}, {4}},
                                                       {{3, 0}, {0}}}));
  const auto shape = last;
  const auto op = [&](const auto& v) { return layer_norm(v[0], shape, v[1], v[2], eps); };
  const auto oracle = [&](const Inputs& v) {
    Dims dims(-1);
    for (int d = 1; d < shape.rank(); ++d) dims.push_back(-1 - d);
    return standardised(v[0], dims, eps) * v[1] + v[2];
  };
  check_op("layer_norm", op, {x, shape, shape}, {.oracle = oracle});
  check_op("layer_norm", [&](const auto& v) { return layer_norm(v[0], shape, v[1], {}, eps); }, {x, shape});
  check_op("layer_norm", [&](const auto& v) { return layer_norm(v[0], shape, {}, {}, eps); }, {x});
}

TEST_CASE("layer_norm: many rows are summed in parts", "[ops][norm]") {
  check_op("layer_norm", [](const auto& v) { return layer_norm(v[0], {3}, v[1], v[2]); }, {{70, 3}, {3}, {3}});
  manual_seed(3);
  const auto x = randn<double>({3000, 40}), w = randn<double>({40}).requires_grad(),
             b = randn<double>({40}).requires_grad();
  const auto g = randn<double>({3000, 40});
  layer_norm(x, {40}, w, b).backward(g);
  CHECK(gap(w.grad(), sum(g * standardised(x, -1, 1e-5), 0)) < 1e-11);
  CHECK(gap(b.grad(), sum(g, 0)) < 1e-11);
}

TEST_CASE("rms_norm: value and gradients", "[ops][norm]") {
  const auto x = GENERATE(Shape{4, 6}, Shape{2, 3, 45}, Shape{0, 4});
  const Shape last{x.back()};
  const auto oracle = [](const Inputs& v) { return standardised(v[0], -1, eps, false) * v[1]; };
  check_op("rms_norm", [&](const auto& v) { return rms_norm(v[0], last, v[1], eps); }, {x, last}, {.oracle = oracle});
  check_op("rms_norm", [&](const auto& v) { return rms_norm(v[0], last); }, {x});
}

TEST_CASE("group_norm: value and gradients", "[ops][norm]") {
  const auto [shape, groups] = GENERATE(table<Shape, int>({{{2, 4, 3}, 2},
                                                           {{2, 6, 3, 3}, 3},
                                                           {{3, 4}, 2},
                                                           {{1, 3, 2}, 3},
                                                           {{2, 2, 5, 9}, 1},
                                                           {{0, 4, 2}, 2},
                                                           {{2, 4, 0}, 2}}));
  const auto n = groups;
  const auto op = [&](const auto& x) { return group_norm(x[0], n, x[1], x[2], eps); };
  const auto oracle = [&](const Inputs& x) {
    const auto grouped = reshape(x[0], {x[0].size(0), n, x[0].numel() == 0 ? 0 : x[0].numel() / x[0].size(0) / n});
    const auto z = reshape(standardised(grouped, -1, eps), x[0].shape());
    return z * per_channel(x[1], z) + per_channel(x[2], z);
  };
  check_op("group_norm", op, {shape, {shape[1]}, {shape[1]}}, {.oracle = oracle});
  check_op("group_norm", [&](const auto& x) { return group_norm(x[0], n, {}, {}, eps); }, {shape});
}

TEST_CASE("instance_norm: value and gradients", "[ops][norm]") {
  const auto shape = GENERATE(Shape{2, 3, 4}, Shape{2, 2, 5, 7});
  const auto oracle = [](const Inputs& x) {
    Dims dims(2);
    if (x[0].rank() == 4) dims.push_back(3);
    const auto z = standardised(x[0], dims, eps);
    return z * per_channel(x[1], z) + per_channel(x[2], z);
  };
  check_op("instance_norm", [](const auto& x) { return instance_norm(x[0], x[1], x[2], eps); },
           {shape, {shape[1]}, {shape[1]}}, {.oracle = oracle});
}

TEST_CASE("norms onto a skip: base + norm(x) in one pass", "[ops][norm]") {
  const Shape image{2, 4, 3, 5};
  check_op("batch_norm",
           [](const auto& x) {
             using T = typename std::remove_cvref_t<decltype(x[0])>::value_type;
             return batch_norm_onto(x[0], x[1], none<T>(), none<T>(), x[2], none<T>(), {.training = true, .eps = eps});
           },
           {image, image, {4}}, {.oracle = [](const Inputs& x) {
             return x[0] + standardised(x[1], {0, 2, 3}, eps) * per_channel(x[2], x[1]);
           }});
  check_op("batch_norm",
           [](const auto& x) {
             using T = typename std::remove_cvref_t<decltype(x[0])>::value_type;
             return batch_norm_onto(x[0], x[1], none<T>(), none<T>(), x[2], none<T>(), {.training = true, .eps = eps});
           },
           {{6, 11}, {6, 11}, {11}});
  check_op("layer_norm", [](const auto& x) { return layer_norm_onto(x[0], x[1], {37}, x[2], x[3], eps); },
           {{3, 37}, {3, 37}, {37}, {37}},
           {.oracle = [](const Inputs& x) { return x[0] + standardised(x[1], -1, eps) * x[2] + x[3]; }});
  check_op("rms_norm", [](const auto& x) { return rms_norm_onto(x[0], x[1], {37}, x[2], eps); },
           {{3, 37}, {3, 37}, {37}},
           {.oracle = [](const Inputs& x) { return x[0] + standardised(x[1], -1, eps, false) * x[2]; }});
  check_op("group_norm", [](const auto& x) { return group_norm_onto(x[0], x[1], 2, x[2], x[3], eps); },
           {image, image, {4}, {4}});
}

TEST_CASE("norms give the same bits on every number of threads", "[ops][norm][threads]") {
  manual_seed(4);
  const auto x = randn({64, 8, 20, 20}), w = randn({8}), row_w = randn({20});
  const auto g = randn(x.shape());
  const auto run = [&](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    std::vector<Tensor<float>> out;
    const auto collect = [&](const auto& f, const Tensor<float>& weight) {
      const auto leaf = x.detach().requires_grad(), weight_leaf = weight.detach().requires_grad();
      const auto y = f(leaf, weight_leaf);
      y.backward(g);
      out.insert(out.end(), {y.detach(), leaf.grad(), weight_leaf.grad()});
    };
    collect([](auto& v,
               auto& s) { return batch_norm(v, none<float>(), none<float>(), s, none<float>(), {.training = true}); },
            w);
    collect([](auto& v, auto& s) { return group_norm(v, 4, s); }, w);
    collect([](auto& v, auto& s) { return layer_norm(v, {20}, s); }, row_w);
    set_num_threads(before);
    return out;
  };
  const auto one = run(1), four = run(4);
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(std::memcmp(one[i].data(), four[i].data(), static_cast<std::size_t>(one[i].numel()) * sizeof(float)) == 0);
}

TEST_CASE("norms of bfloat16 are computed in float and rounded once", "[ops][norm]") {
  manual_seed(5);
  const auto x = randn({6, 40}).to<bfloat16>(), w = randn({40}).to<bfloat16>();
  const auto exact = layer_norm(x.to<float>(), {40}, w.to<float>());
  CHECK(gap(layer_norm(x, {40}, w).to<float>(), exact.to<bfloat16>().to<float>()) == 0);
}

TEST_CASE("norms name what does not fit", "[ops][norm]") {
  const auto x = zeros({2, 3, 4});
  CHECK_THROWS_WITH(layer_norm(x, {3}),
                    Catch::Contains("layer_norm") && Catch::Contains("(3,)") && Catch::Contains("(2, 3, 4)"));
  CHECK_THROWS_AS(layer_norm(x, {4}, zeros({3})), ShapeError);
  CHECK_THROWS_WITH(group_norm(x, 2), Catch::Contains("group_norm: 2 groups"));
  CHECK_THROWS_AS(group_norm(x, 0), ShapeError);
  CHECK_THROWS_WITH(batch_norm(x, zeros({4}), zeros({3})), Catch::Contains("running_mean must be (3,), got (4,)"));
  CHECK_THROWS_AS(batch_norm(x, none<float>(), none<float>()), ValueError);
  CHECK_THROWS_AS(batch_norm(zeros({1, 3}), zeros({3}), ones({3}), none<float>(), none<float>(), {.training = true}),
                  ValueError);
  CHECK_THROWS_AS(batch_norm(zeros({3}), zeros({3}), ones({3})), ShapeError);
  CHECK_THROWS_AS(instance_norm(zeros({2, 3, 1})), ValueError);
  CHECK_THROWS_AS(layer_norm_onto(zeros({2, 3, 5}), x, {4}, none<float>(), none<float>()), ShapeError);
}
