// The programs of docs/tensors.md.
#include <shunt/shunt.hpp>

#include <iostream>

int main() {
  {
    auto a = shunt::tensor({{1., 2., 3.}, {4., 5., 6.}});  // float by default
    auto i = shunt::arange<std::int64_t>(6).reshape({2, 3});
    auto z = shunt::zeros<double>({2, 0});  // zero sizes are valid everywhere
    std::cout << a * 10 + i.to<float>() << '\n' << z.shape() << '\n';
  }
  {
    auto a = shunt::arange(12).reshape({3, 4});
    auto corner = a.slice(0, 0, 2).slice(1, 1, 4, 2);  // a view: rows 0 and 1, columns 1 and 3
    corner.mul_(100);
    std::cout << a << '\n';
  }
  {
    auto scores = shunt::tensor({{0.1, 0.7, 0.2}, {0.5, 0.2, 0.3}});
    auto [values, indices] = shunt::topk(scores, 2);
    std::cout << values << '\n' << indices << '\n';
  }
  {
    try {
      shunt::matmul(shunt::zeros({2, 3}), shunt::zeros({4, 5}));
    } catch (const shunt::ShapeError& e) { std::cout << e.what() << '\n'; }
  }
  {
    shunt::manual_seed(7);
    auto x = shunt::randn({3});
    shunt::Generator g(7);  // every function that draws also takes a generator
    std::cout << (shunt::equal(x, shunt::randn({3}, g)) ? "the same numbers" : "other numbers") << '\n';
  }
}
