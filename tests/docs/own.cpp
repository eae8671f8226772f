// The programs of docs/own.md.
#include <shunt/shunt.hpp>

#include <iostream>

namespace nn = shunt::nn;
using shunt::Slots;
using shunt::Tensor;

struct TwoTower : nn::Layer<float> {
  nn::Linear<float> left{16, 32}, right{16, 32}, head{32, 4};
  nn::Parameter<float> gate{shunt::zeros({32})};

  Tensor<float> forward(const Tensor<float>& x) override {
    return head(shunt::relu(left(x)) + gate * shunt::tanh(right(x)));
  }
  void members(nn::Members<float>& m) override { m("left", left)("right", right)("head", head)("gate", gate); }
};

/// x^3, kept as one operation.
template <shunt::Real T>
Tensor<T> cube(const Tensor<T>& x) {
  return shunt::record("cube", (x * x * x).detach(), {x}, [x = save(x)](const Tensor<T>& g, Slots<T>& into) {
    const auto in = x.get("cube");
    into.add(0, g * in * in * 3);
  });
}

int main() {
  TwoTower net;
  std::cout << net << '\n';
  for (const auto& [name, p] : net.named_parameters()) std::cout << name << ' ' << p.shape() << '\n';

  auto x = shunt::tensor<double>({1., -2.}).requires_grad();
  cube(x).sum().backward();
  std::cout << x.grad() << '\n';
  std::cout << std::boolalpha << shunt::gradcheck([](const auto& in) { return cube(in[0]); }, {x}) << '\n';
}
