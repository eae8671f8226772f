// OpenBLAS: matrix products.
#include <cblas.h>

#include <memory>

#include "../case.hpp"
#include "../shapes.hpp"

int main() {
  using namespace peers;
  Cases cases;
  for (const Gemm& g : gemms()) {
    cases[g.name] = [g] {
      struct Data {
        Floats a, b, c;
      };
      auto d = std::make_shared<Data>(Data{filled(g.m * g.k, 1), filled(g.k * g.n, 2), filled(g.m * g.n, 3)});
      const auto m = static_cast<blasint>(g.m), n = static_cast<blasint>(g.n), k = static_cast<blasint>(g.k);
      return Run{[=] {
                   cblas_sgemm(CblasRowMajor, g.ta ? CblasTrans : CblasNoTrans, g.tb ? CblasTrans : CblasNoTrans, m, n,
                               k, 1, d->a.data(), g.ta ? m : k, d->b.data(), g.tb ? k : n, 0, d->c.data(), n);
                 },
                 [=] { return checksum(d->c.data(), g.m * g.n); }};
    };
  }
  return serve(
      cases, [] { return std::string(openblas_get_config()) + ", kernels for " + openblas_get_corename(); },
      openblas_set_num_threads);
}
