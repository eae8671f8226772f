// Eigen: matrix products, compiled as our own code is.
#include <omp.h>

#include <Eigen/Core>
#include <memory>

#include "../case.hpp"
#include "../shapes.hpp"

namespace peers {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Rows matrix(Int rows, Int cols, std::uint32_t seed) {
  Rows x(rows, cols);
  fill(x.data(), x.size(), seed);
  return x;
}

Run product(const Gemm& g) {
  struct Data {
    Rows a, b, c;
  };
  auto d = std::make_shared<Data>(Data{g.ta ? matrix(g.k, g.m, 1) : matrix(g.m, g.k, 1),
                                       g.tb ? matrix(g.n, g.k, 2) : matrix(g.k, g.n, 2), matrix(g.m, g.n, 3)});
  const auto once = [=] {
    if (g.ta && g.tb)
      d->c.noalias() = d->a.transpose() * d->b.transpose();
    else if (g.ta)
      d->c.noalias() = d->a.transpose() * d->b;
    else if (g.tb)
      d->c.noalias() = d->a * d->b.transpose();
    else
      d->c.noalias() = d->a * d->b;
  };
  return {once, [=] { return checksum(d->c.data(), d->c.size()); }};
}

}  // namespace
}  // namespace peers

int main() {
  peers::Cases cases;
  for (const auto& g : peers::gemms()) cases[g.name] = [g] { return peers::product(g); };
  return peers::serve(
      cases, [] { return std::string("Eigen, ") + Eigen::SimdInstructionSetsInUse(); },
      [](int threads) {
        omp_set_num_threads(threads);
        Eigen::setNbThreads(threads);
      });
}
