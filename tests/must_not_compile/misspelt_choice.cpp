// A choice is checked when it is compiled.
#include <shunt/tensor.hpp>

int main() {
  auto a = shunt::zeros({2}), b = shunt::ones({2});
#ifdef MISTAKE
  auto loss = shunt::mse_loss(a, b, {.reduction = "sun"});
#else
  auto loss = shunt::mse_loss(a, b, {.reduction = "sum"});
#endif
}
