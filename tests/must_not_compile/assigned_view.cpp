// Assigning to a view that is about to vanish would rebind a handle and write nothing.
#include <shunt/tensor.hpp>

int main() {
  auto x = shunt::zeros({2, 3}), row = shunt::ones({3});
#ifdef MISTAKE
  x.select(0, 1) = row;
#else
  x.select(0, 1).copy_(row);
#endif
}
