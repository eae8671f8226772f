// The same training in all three units gives the same bits, and layers, tensors and histories pass between them.
#include "work.hpp"

#include <iostream>

std::vector<float> train_plain();
std::vector<float> train_other();
nn::AnyLayer<float> layer_of_plain();
void backward_in_plain(const Tensor<float>& loss);

int main() {
  const auto here = train();
  if (here != train_plain() || here != train_other()) {
    std::cerr << "the units train differently\n";
    return 1;
  }
  const auto layer = layer_of_plain(), copy = layer;
  const auto x = shunt::randn({2, 16}).requires_grad(), y = x.detach().requires_grad();
  layer(x).sum().backward();
  backward_in_plain(copy(y).sum());
  if (!shunt::equal(x.grad(), y.grad())) {
    std::cerr << "a gradient through both kinds of unit: " << x.grad() << '\n' << y.grad() << '\n';
    return 1;
  }
}
