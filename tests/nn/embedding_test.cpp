#include "shunt/nn/embedding.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("Embedding gives a row for each id", "[nn][embedding]") {
  manual_seed(1);
  nn::Embedding e(5, 3);
  const auto ids = from_vector<std::int64_t>({4, 0, 4, 2}, {2, 2});
  const auto y = e(ids);
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(y[1][0].to_vector() == e.weight[4].to_vector());
  y.sum().backward();
  CHECK(e.weight.grad().sum(1).to_vector() == std::vector<float>{3, 0, 3, 0, 6});
  CHECK(e.state_dict().contains("weight"));
}

TEST_CASE("Embedding: the padding row is zero and stays so", "[nn][embedding]") {
  manual_seed(2);
  nn::Embedding e(4, 2, {.padding_idx = 1});
  CHECK(e.weight.is_leaf());
  CHECK(e.weight[1].to_vector() == std::vector<float>{0, 0});
  e(from_vector<std::int64_t>({0, 1, 3})).sum().backward();
  CHECK(e.weight.grad().sum(1).to_vector() == std::vector<float>{2, 0, 0, 2});
}

TEST_CASE("Embedding names an id that is out of range", "[nn][embedding]") {
  nn::Embedding e(4, 2);
  CHECK_THROWS_WITH(e(from_vector<std::int64_t>({4})), Catch::Contains("Embedding") && Catch::Contains("4"));
  CHECK_THROWS_AS(nn::Embedding(4, 2, {.padding_idx = 4}), IndexError);
}
