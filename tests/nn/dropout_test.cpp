#include "shunt/nn/dropout.hpp"

#include "shunt/nn/sequential.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("Dropout and DropPath act in training alone", "[nn][dropout]") {
  manual_seed(1);
  nn::Sequential net(nn::Dropout(0.5), nn::DropPath(0.5));
  const auto x = ones({200, 3});
  const auto y = net(x).to_vector();
  CHECK(std::count(y.begin(), y.end(), 0.f) > 300);
  CHECK(std::count(y.begin(), y.end(), 4.f) > 75);
  CHECK(std::count(y.begin(), y.end(), 0.f) + std::count(y.begin(), y.end(), 4.f) == 600);
  net.eval();
  CHECK(net(x).data() == x.data());
}

TEST_CASE("Dropout prints its probability and refuses one that is none", "[nn][dropout]") {
  CHECK(nn::Dropout(0.1).options() == "0.1");
  CHECK(nn::DropPath(0.2).kind() == "DropPath");
  CHECK_THROWS_AS(nn::Dropout(1.1), ValueError);
  CHECK_THROWS_AS(nn::DropPath(-0.1), ValueError);
}
