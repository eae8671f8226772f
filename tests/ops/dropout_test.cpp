#include "shunt/ops/dropout.hpp"

#include "shunt/autograd/checkpoint.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/check_op.hpp"
#include "support/isa.hpp"

using namespace shunt;

TEST_CASE("dropout: gradients", "[ops][dropout]") {
  const auto shape = GENERATE(Shape{}, Shape{5}, Shape{3, 50}, Shape{2, 0});
  const auto p = GENERATE(0.0, 0.3, 1.0);
  check_op("dropout",
           [&](const auto& x) {
             Generator same(7);
             return dropout(x[0], p, true, same);
           },
           {shape});
}

TEST_CASE("dropout keeps 1 - p of the elements, scaled so that the mean stays", "[ops][dropout]") {
  manual_seed(1);
  const auto p = GENERATE(0.1, 0.5, 0.9);
  const std::int64_t n = 200000;
  const auto y = dropout(ones<double>({n}), p, true);
  std::int64_t zeros_seen = 0;
  for (double v : y.to_vector()) {
    if (v == 0)
      ++zeros_seen;
    else
      REQUIRE(v == 1 / (1 - p));
  }
  const double spread = std::sqrt(p * (1 - p) * static_cast<double>(n));
  CHECK(std::abs(static_cast<double>(zeros_seen) - p * static_cast<double>(n)) < 5 * spread);
}

TEST_CASE("dropout's mask is the generator's blocks, 16 for 64 elements", "[ops][dropout]") {
  Generator g(3), same(3);
  g.reserve(5), same.reserve(5);
  const RandomStream stream = same.state();
  const auto y = dropout(ones({150}), 0.5, true, g).to_vector();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto words = stream.block(i / 64 * 16 + i % 16);
    CHECK((y[i] == 0) == (words[i % 64 / 16] < 0x80000000u));
  }
  CHECK(g.state().position == stream.position + 48);
}

TEST_CASE("dropout is the same on every instruction set, every number of threads and every scalar",
          "[ops][dropout][threads]") {
  const auto run = [](auto x) {
    Generator g(9);
    return dropout(x, 0.4, true, g);
  };
  const auto x = ones({300, 500});
  const auto expected = run(x).to_vector();
  const int threads = num_threads();
  set_num_threads(3);
  CHECK(run(x).to_vector() == expected);
  set_num_threads(threads);
  for (Isa i : kernels::isas()) {
    const kernels::Setting setting(i, threads);
    CHECK(run(x).to_vector() == expected);
    CHECK(run(x.to<double>()).to<float>().to_vector() == expected);
  }
}

TEST_CASE("dropout outside training and for p = 0 is x itself", "[ops][dropout]") {
  const auto x = randn({3, 4});
  CHECK(dropout(x, 0.5, false).data() == x.data());
  CHECK(dropout(x, 0, true).data() == x.data());
  CHECK(drop_path(x, 0.5, false).data() == x.data());
  CHECK(dropout(x, 1, true).abs().max().item() == 0);
}

TEST_CASE("dropout under checkpoint draws its mask again", "[ops][dropout]") {
  const auto f = [](const Tensor<float>& x) { return dropout(x * x, 0.5, true) * x; };
  const auto gradient = [&](bool checkpointed) {
    manual_seed(11);
    const auto x = linspace(-2, 2, 101).requires_grad();
    (checkpointed ? checkpoint(f, x) : f(x)).sum().backward();
    return x.grad().to_vector();
  };
  CHECK(gradient(true) == gradient(false));
}

TEST_CASE("drop_path: whole samples, and gradients", "[ops][dropout]") {
  check_op("drop_path",
           [](const auto& x) {
             Generator same(2);
             return drop_path(x[0], 0.5, true, same);
           },
           {{6, 3, 2}});
  manual_seed(4);
  const auto y = drop_path(ones({1000, 7}), 0.25, true);
  const auto per_sample = sum(y, 1).to_vector();
  std::int64_t dropped = 0;
  for (float v : per_sample) {
    if (v == 0)
      ++dropped;
    else
      CHECK(v == Approx(7 / 0.75));
  }
  CHECK(std::abs(dropped - 250) < 70);
}

TEST_CASE("dropout names a probability that is none", "[ops][dropout]") {
  CHECK_THROWS_WITH(dropout(zeros({2}), 1.5, true), Catch::Contains("dropout") && Catch::Contains("1.5"));
  CHECK_THROWS_AS(dropout(zeros({2}), -0.1, true), ValueError);
  CHECK_THROWS_AS(drop_path(zeros({2}), std::nan(""), true), ValueError);
  CHECK_THROWS_AS(drop_path(zeros({}), 0.5, true), ShapeError);
}
