// A sum of two scalar types would have to choose one of them quietly.
#include <shunt/tensor.hpp>

int main() {
  auto a = shunt::zeros({2});
#ifdef MISTAKE
  auto b = shunt::zeros<double>({2});
#else
  auto b = shunt::zeros<float>({2});
#endif
  auto sum = a + b;
}
