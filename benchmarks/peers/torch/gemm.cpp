#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {

void add_gemms(Cases& cases) {
  for (const Gemm& g : gemms()) {
    cases[g.name] = [g] {
      const auto a = g.ta ? tensor({g.k, g.m}, 1).t() : tensor({g.m, g.k}, 1);
      const auto b = g.tb ? tensor({g.n, g.k}, 2).t() : tensor({g.k, g.n}, 2);
      auto c = torch::empty({g.m, g.n});
      return Run{[=]() mutable {
                   const c10::InferenceMode unrecorded;
                   torch::mm_out(c, a, b);
                 },
                 [=] { return checksum(c); }};
    };
  }
}

}  // namespace peers
