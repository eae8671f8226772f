// The smallest program: one residual block, one backward pass.
#include <shunt/shunt.hpp>

#include <iostream>

int main() {
  namespace nn = shunt::nn;
  auto x = shunt::randn({8, 64}).requires_grad();
  auto block = nn::ResidualBlock(nn::Sequential(nn::Linear(64, 256), nn::GELU(), nn::Linear(256, 64)));

  auto y = block(x);           // y = F(x) + x
  auto loss = (y * y).mean();  // a scalar
  loss.backward();

  std::cout << block << "\nloss " << loss.item() << ", |dL/dx| " << x.grad().norm().item() << '\n';
}
