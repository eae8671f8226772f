// What every consumer builds: enough to need the headers, Eigen and threads.
#include <shunt/shunt.hpp>

#include <cstdio>

int main() {
  shunt::manual_seed(0);
  auto x = shunt::randn({4, 3}).requires_grad();
  auto block = shunt::nn::ResidualBlock(shunt::nn::Linear(3, 3));
  block(x).sum().backward();
  std::puts(x.grad().shape() == x.shape() ? "ok" : "not ok");
  return x.grad().shape() == x.shape() ? 0 : 1;
}
