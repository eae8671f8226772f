#include "shunt/nn/activation.hpp"

#include "shunt/nn/sequential.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("Activation layers are their functions", "[nn][activation]") {
  const auto x = linspace(-3, 3, 24).reshape({4, 6});
  const auto same = [&](auto layer, const Tensor<float>& expected) {
    INFO(layer.kind());
    CHECK(layer(x).to_vector() == expected.to_vector());
  };
  same(nn::ReLU(), relu(x));
  same(nn::LeakyReLU(0.2), leaky_relu(x, 0.2));
  same(nn::ELU(0.5), elu(x, 0.5));
  same(nn::GELU(), gelu(x));
  same(nn::GELU({.approximate = "tanh"}), gelu(x, {.approximate = "tanh"}));
  same(nn::SiLU(), silu(x));
  same(nn::Softplus({.beta = 2}), softplus(x, {.beta = 2}));
  same(nn::Sigmoid(), sigmoid(x));
  same(nn::Tanh(), tanh(x));
  same(nn::Softmax(-1), softmax(x, -1));
  same(nn::LogSoftmax(0), log_softmax(x, 0));
  CHECK(nn::Identity()(x).data() == x.data());
  CHECK(nn::LeakyReLU(0.2).options() == "0.2");
}
