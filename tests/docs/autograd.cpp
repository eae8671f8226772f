// The programs of docs/autograd.md.
#include <shunt/shunt.hpp>

#include <iostream>

int main() {
  {
    auto x = shunt::tensor({1., 2., 3.}).requires_grad();
    auto loss = (x * x).sum();
    loss.backward();
    std::cout << x.grad() << '\n';
  }
  {
    auto x = shunt::tensor({1., 2.}).requires_grad();
    auto h = x * 2;
    auto hook = h.register_hook([](const shunt::Tensor<float>& g) { return g.clamp(-1, 1); });
    (h * h).sum().backward();  // dL/dh = 2h is clipped to 1
    std::cout << x.grad() << '\n';
    hook.remove();
  }
  {
    auto f = [](const auto& x) { return (shunt::tanh(x) * x).sum(); };
    auto x = shunt::tensor<double>({0.5, -1.0});
    auto v = shunt::tensor<double>({1., 0.});
    auto hv = shunt::hvp(f, x, v);  // (d2f/dx2) v, exact: reverse mode over dual numbers
    std::cout << (std::abs(hv.at({0}) - 1.21) < 0.01 ? "curved" : "?") << ' ' << hv.at({1}) << '\n';
  }
  {
    auto stack = shunt::nn::repeat(100, [] {
      return shunt::nn::ResidualBlock(
          shunt::nn::Sequential(shunt::nn::Linear(64, 64), shunt::nn::ReLU(), shunt::nn::Linear(64, 64)));
    });
    auto x = shunt::randn({32, 64}).requires_grad();
    auto y = shunt::checkpoint(stack, x);  // keeps x alone; backward runs the stack again, to the same bits
    y.sum().backward();
    std::cout << x.grad().shape() << '\n';
  }
  {
    auto x = shunt::tensor({1., 0.}).requires_grad();
    const shunt::DetectAnomaly trace;
    try {
      (shunt::sqrt(x - 1) * 2).sum();
    } catch (const shunt::GraphError& e) { std::cout << e.what() << '\n'; }
  }
}
