// The mean of integers is seldom one.
#include <shunt/tensor.hpp>

int main() {
  auto counts = shunt::randint(0, 9, {4});
#ifdef MISTAKE
  auto mean = counts.mean();
#else
  auto sum = counts.sum();
#endif
}
