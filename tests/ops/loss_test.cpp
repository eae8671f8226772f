#include "shunt/ops/loss.hpp"

#include <cmath>

#include "shunt/autograd/backward.hpp"
#include "shunt/ops/compare.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"

using namespace shunt;

namespace {

using D = Tensor<double>;
using Targets = Tensor<std::int64_t>;

/// The scalar type of a list of tensors.
template <class List>
using scalar_of = typename std::remove_cvref_t<List>::value_type::value_type;

/// -(1 - e) w_t log p_t - e / C sum of w_c log p_c of every line; over the sum of w_t for a mean.
D cross_entropy_by_definition(const D& logits, const Targets& target, const D& weight, LossReduction reduction,
                              double smoothing, std::int64_t ignore) {
  const auto a = detail::along("oracle", logits.shape(), logits.rank() == 1 ? 0 : 1);
  auto losses = zeros<double>(target.shape());
  double total = 0, counted = 0;
  for (std::int64_t i = 0; i < a.lines(); ++i) {
    const auto t = target.data()[i];
    if (t == ignore) continue;
    const auto logit = [&](std::int64_t k) { return logits.data()[a.begin(i) + k * a.inner]; };
    double sum = 0;
    for (std::int64_t k = 0; k < a.n; ++k) sum += std::exp(logit(k));
    double loss = (1 - smoothing) * weight.data()[t] * (std::log(sum) - logit(t));
    for (std::int64_t k = 0; k < a.n; ++k)
      loss += smoothing / static_cast<double>(a.n) * weight.data()[k] * (std::log(sum) - logit(k));
    losses.data()[i] = loss;
    total += loss;
    counted += weight.data()[t];
  }
  if (reduction == "none") return losses;
  return full<double>({}, reduction == "mean" ? total / counted : total);
}

}  // namespace

TEST_CASE("cross_entropy: by definition, for every shape and option", "[ops][loss]") {
  const auto [shape, target_shape] = GENERATE(
      table<Shape, Shape>({{{4, 5}, {4}}, {{6}, {}}, {{2, 37, 3}, {2, 3}}, {{1, 3, 5, 8}, {1, 5, 8}}, {{3, 70}, {3}}}));
  const auto reduction = GENERATE(values<LossReduction>({"mean", "sum", "none"}));
  const double smoothing = GENERATE(0.0, 0.1);
  const bool weighted = GENERATE(false, true);
  const auto classes = shape[shape.rank() == 1 ? 0 : 1];
  const auto target = randint(0, classes, target_shape);
  if (target.numel() > 1) target.data()[1] = -100;
  const auto weight = weighted ? rand<double>({classes}) + 0.5 : ones<double>({classes});
  check_op(
      "cross_entropy",
      [&](const auto& x) {
        using S = scalar_of<decltype(x)>;
        return cross_entropy(
            x[0], target,
            {.weight = weighted ? weight.to<S>() : Tensor<S>(), .reduction = reduction, .label_smoothing = smoothing});
      },
      {shape}, {.oracle = [&](const auto& x) {
        return cross_entropy_by_definition(x[0], target, weight, reduction, smoothing, -100);
      }});
}

TEST_CASE("cross_entropy: ignored targets, errors", "[ops][loss]") {
  auto logits = randn<double>({3, 4}).requires_grad();
  const auto target = tensor<std::int64_t>({0, -1, 3});
  cross_entropy(logits, target, {.ignore_index = -1}).backward();
  for (int k = 0; k < 4; ++k) CHECK(logits.grad().at({1, k}) == 0);
  CHECK(std::isnan(cross_entropy(logits, full<std::int64_t>({3}, -100)).item()));
  CHECK(cross_entropy(zeros({0, 4}), zeros<std::int64_t>({0}), {.reduction = "sum"}).item() == 0);
  CHECK(cross_entropy(tensor({{1000, 0}}), tensor<std::int64_t>({1})).item() == 1000);

  CHECK_THROWS_AS(cross_entropy(logits, tensor<std::int64_t>({0, 4, 1})), IndexError);
  CHECK_THROWS_AS(cross_entropy(logits, tensor<std::int64_t>({0, -2, 1})), IndexError);
  CHECK_THROWS_AS(cross_entropy(logits, tensor<std::int64_t>({0, 1})), ShapeError);
  CHECK_THROWS_AS(cross_entropy(logits, target, {.weight = ones<double>({3}), .ignore_index = -1}), ShapeError);
  CHECK_THROWS_AS(cross_entropy(logits, target, {.ignore_index = -1, .label_smoothing = 1.5}), ValueError);
  CHECK_THROWS_AS(cross_entropy(zeros({}), full<std::int64_t>({}, 0)), ShapeError);
}

TEST_CASE("cross_entropy: probabilities; one-hot ones are classes", "[ops][loss]") {
  const auto logits = randn<double>({3, 5});
  const auto target = tensor<std::int64_t>({0, 4, 2});
  const auto one_hot = zeros<double>({3, 5});
  for (int i = 0; i < 3; ++i) one_hot.at({i, target.at({i})}) = 1;
  for (const double smoothing : {0.0, 0.2})
    CHECK(cross_entropy(logits, one_hot, {.label_smoothing = smoothing}).item() ==
          Approx(cross_entropy(logits, target, {.label_smoothing = smoothing}).item()));
  check_op("cross_entropy", [](const auto& x) { return cross_entropy(x[0], x[1], {.label_smoothing = 0.1}); },
           {{3, 5}, {3, 5}});
  CHECK_THROWS_AS(cross_entropy(logits, zeros<double>({3, 4})), ShapeError);
}

TEST_CASE("nll_loss: of log-probabilities it is cross_entropy", "[ops][loss]") {
  const auto reduction = GENERATE(values<LossReduction>({"mean", "sum", "none"}));
  const auto shape = GENERATE(values<Shape>({{4, 5}, {5}, {2, 5, 3}}));
  Shape target_shape = shape;
  target_shape.erase(shape.rank() == 1 ? 0 : 1);
  const auto target = randint(0, 5, target_shape);
  if (target.numel() > 1) target.data()[0] = 7;
  const auto weight = rand<double>({5});
  check_op("nll_loss",
           [&](const auto& x) {
             return nll_loss(
                 x[0], target,
                 {.weight = weight.to<scalar_of<decltype(x)>>(), .ignore_index = 7, .reduction = reduction});
           },
           {shape});
  const auto x = randn<double>(shape);
  const int dim = shape.rank() == 1 ? 0 : 1;
  CHECK(allclose(nll_loss(log_softmax(x, dim), target, {.weight = weight, .ignore_index = 7, .reduction = reduction}),
                 cross_entropy(x, target, {.weight = weight, .ignore_index = 7, .reduction = reduction}), 1e-12,
                 1e-14));
}

TEST_CASE("mse_loss, l1_loss, smooth_l1_loss: by definition", "[ops][loss]") {
  const auto reduction = GENERATE(values<LossReduction>({"mean", "sum", "none"}));
  const auto reduced = [&](const D& x) { return reduction == "none" ? x : reduction == "sum" ? sum(x) : mean(x); };
  const std::vector<Shape> shapes = GENERATE(values<std::vector<Shape>>({{{3, 40}, {3, 40}}, {{4, 3}, {3}}, {{}, {}}}));
  const auto of_difference = [&](const auto& loss) {
    return [&reduced, loss](const auto& x) { return reduced(loss(x[0] - x[1])); };
  };
  const auto options = [&](const auto& loss) {
    return CheckOptions{
        .draw = draw::distinct, .expanded = false, .repeated = false, .oracle = of_difference(loss)};  // kinks at 0
  };
  check_op("mse_loss", [&](const auto& x) { return mse_loss(x[0], x[1], {.reduction = reduction}); }, shapes,
           {.oracle = of_difference([](const D& d) { return d * d; })});
  check_op(
      "l1_loss", [&](const auto& x) { return l1_loss(x[0], x[1], {.reduction = reduction}); }, shapes,
      options([](const D& d) { return abs(d); }));
  for (const double beta : {0.0, 0.7, 3.0})
    check_op(
        "smooth_l1_loss",
        [&](const auto& x) { return smooth_l1_loss(x[0], x[1], {.reduction = reduction, .beta = beta}); }, shapes,
        options([beta](const D& d) {
          auto y = detail::copy_of(d);
          for (std::int64_t i = 0; i < y.numel(); ++i) {
            const double size = std::abs(d.data()[i]);
            y.data()[i] = size < beta ? size * size / (2 * beta) : size - beta / 2;
          }
          return y;
        }));
  check_op("mse_loss", [](const auto& x) { return mse_loss(x[0], x[1], {.reduction = "sum"}); }, {{0, 2}, {0, 2}});
}

TEST_CASE("pairwise losses: kinks and errors", "[ops][loss]") {
  const auto x = tensor<double>({1, 2}).requires_grad();
  l1_loss(x, x.clone(), {.reduction = "sum"}).backward();
  CHECK(x.grad().to_vector() == std::vector<double>{0, 0});
  const auto y = tensor<double>({not_a_number, 5}).requires_grad();
  smooth_l1_loss(y, x.detach(), {.reduction = "sum"}).backward();
  CHECK(std::isnan(y.grad().at({0})));  // as in PyTorch
  CHECK(y.grad().at({1}) == 1);
  CHECK(std::isnan(mse_loss(zeros({0}), zeros({0})).item()));
  CHECK_THROWS_AS(mse_loss(zeros({2, 3}), zeros({2})), ShapeError);
  CHECK_THROWS_AS(smooth_l1_loss(x, x, {.beta = -1}), ValueError);
  CHECK_THROWS_AS(binary_cross_entropy_with_logits(zeros({2, 3}), zeros({3})), ShapeError);
}

TEST_CASE("binary_cross_entropy_with_logits: by definition, weights, large logits", "[ops][loss]") {
  const auto weight = rand<double>({4}), positive = rand<double>({4}) + 0.5;
  for (const bool weighted : {false, true})
    for (const bool unbalanced : {false, true})
      check_op("binary_cross_entropy_with_logits",
               [&](const auto& x) {
                 using S = scalar_of<decltype(x)>;
                 return binary_cross_entropy_with_logits(x[0], x[1],
                                                         {.weight = weighted ? weight.to<S>() : Tensor<S>(),
                                                          .pos_weight = unbalanced ? positive.to<S>() : Tensor<S>()});
               },
               {{3, 4}, {3, 4}}, {.oracle = [&](const auto& x) {
                 double total = 0;
                 for (std::int64_t i = 0; i < x[0].numel(); ++i) {
                   const double p = 1 / (1 + std::exp(-x[0].data()[i])), z = x[1].data()[i];
                   total -= (weighted ? weight.data()[i % 4] : 1) *
                            ((unbalanced ? positive.data()[i % 4] : 1) * z * std::log(p) + (1 - z) * std::log(1 - p));
                 }
                 return full<double>({}, total / static_cast<double>(x[0].numel()));
               }});
  CHECK(binary_cross_entropy_with_logits(tensor({-1000, 1000}), tensor({0, 0}), {.reduction = "none"}).to_vector() ==
        std::vector<float>{0, 1000});
  CHECK(binary_cross_entropy_with_logits(tensor({-1000, 1000}), tensor({1, 1}),
                                         {.reduction = "none", .pos_weight = tensor({2, 2})})
            .to_vector() == std::vector<float>{2000, 0});
}

TEST_CASE("kl_div: by definition; zero probabilities", "[ops][loss]") {
  const auto total = [](const D& x, const D& p) {
    double s = 0;
    for (std::int64_t i = 0; i < x.numel(); ++i) s += p.data()[i] * (std::log(p.data()[i]) - x.data()[i]);
    return s;
  };
  const CheckOptions positive{.draw = draw::positive};
  const auto as = [&](double divisor, bool logs) {
    return CheckOptions{.draw = draw::positive, .oracle = [=](const auto& x) {
                          return full<double>({}, total(x[0], logs ? exp(x[1]) : x[1]) / divisor);
                        }};
  };
  check_op(
      "kl_div", [](const auto& x) { return kl_div(x[0], x[1]); }, {{3, 4}, {3, 4}}, as(12, false));
  check_op(
      "kl_div", [](const auto& x) { return kl_div(x[0], x[1], {.reduction = "batchmean"}); }, {{3, 4}, {3, 4}},
      as(3, false));
  check_op(
      "kl_div", [](const auto& x) { return kl_div(x[0], x[1], {.reduction = "sum", .log_target = true}); },
      {{3, 4}, {3, 4}}, as(1, true));
  check_op(
      "kl_div", [](const auto& x) { return kl_div(x[0], x[1], {.reduction = "none"}); }, {{3, 4}, {4}}, positive);
  const auto p = tensor<double>({0.5, 0, 0.5});
  CHECK(kl_div(log(tensor<double>({0.25, 0.5, 0.25})), p, {.reduction = "sum"}).item() == Approx(std::log(2.0)));
}
