#include <shunt/kernels/gemm.hpp>

#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {

void add_gemms(Cases& cases) {
  for (const Gemm& g : gemms()) {
    cases[g.name] = [g] {
      struct Data {
        Floats a, b, c;
      };
      auto d = std::make_shared<Data>(Data{filled(g.m * g.k, 1), filled(g.k * g.n, 2), filled(g.m * g.n, 3)});
      const shunt::kernels::Operand<float> a{d->a.data(), g.ta ? 1 : g.k, g.ta ? g.m : 1};
      const shunt::kernels::Operand<float> b{d->b.data(), g.tb ? 1 : g.n, g.tb ? g.k : 1};
      return Run{[=] { shunt::kernels::gemm<float>(g.m, g.n, g.k, a, b, d->c.data(), g.n); },
                 [=] { return checksum(d->c.data(), g.m * g.n); }};
    };
  }
}

}  // namespace peers
