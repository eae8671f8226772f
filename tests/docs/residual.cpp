// The programs of docs/residual.md.
#include <shunt/shunt.hpp>

#include <iostream>

namespace nn = shunt::nn;

int main() {
  shunt::manual_seed(0);
  auto f = nn::Sequential(nn::Linear(8, 32), nn::ReLU(), nn::Linear(32, 8));
  auto x = shunt::randn({4, 8}).requires_grad();
  {
    auto block = nn::ResidualBlock(f);                                     // y = F(x) + x
    auto wider = nn::ResidualBlock(nn::Linear(8, 16), nn::Linear(8, 16));  // y = F(x) + S(x)
    auto full = nn::ResidualBlock({.branch = f, .scale = nn::ReZero{}, .drop_path = 0.1, .after = nn::ReLU()});
    std::cout << wider(x).shape() << '\n' << full << '\n';
  }
  {
    auto narrow = nn::ResidualBlock(nn::Linear(8, 5));
    try {
      narrow(x);
    } catch (const shunt::ShapeError& e) { std::cout << e.what() << '\n'; }
  }
  {
    auto stack = nn::repeat(1000, [&] {
      return nn::ResidualBlock({.branch = nn::Sequential(nn::Linear(8, 8), nn::Tanh()), .scale = nn::ReZero{}});
    });
    auto g = shunt::randn({4, 8});
    stack(x).backward(g);
    std::cout << (shunt::equal(x.grad(), g) ? "bit for bit" : "changed") << '\n';
  }
  {
    auto net = shunt::models::resnet_cifar(20);
    auto plain = shunt::models::resnet_cifar(20, {.plain = true});
    auto logits = net(shunt::randn({2, 3, 32, 32}));
    std::int64_t count = 0;
    for (const auto& p : net.parameters()) count += p.numel();
    std::cout << logits.shape() << ' ' << count << ' ' << plain.parameters().size() << '\n';
  }
}
