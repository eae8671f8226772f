// The faster of dnnl_sgemm and the matmul primitive, on operands as they lie in memory.
#include <oneapi/dnnl/dnnl.h>

#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {
namespace {

using dnnl::memory;

struct Data {
  Floats a, b, c;
};

memory::desc matrix(Int rows, Int cols, bool transposed) {
  return {{rows, cols}, memory::data_type::f32, transposed ? memory::format_tag::ba : memory::format_tag::ab};
}

Run product(const Gemm& g) {
  auto d = std::make_shared<Data>(Data{filled(g.m * g.k, 1), filled(g.k * g.n, 2), filled(g.m * g.n, 3)});
  const auto sum = [=] { return checksum(d->c.data(), g.m * g.n); };
  const auto sgemm = [=] {
    dnnl_sgemm(g.ta ? 'T' : 'N', g.tb ? 'T' : 'N', g.m, g.n, g.k, 1, d->a.data(), g.ta ? g.m : g.k, d->b.data(),
               g.tb ? g.k : g.n, 0, d->c.data(), g.n);
  };
  const dnnl::matmul::primitive_desc how(
      dnnl::matmul::desc(matrix(g.m, g.k, g.ta), matrix(g.k, g.n, g.tb), matrix(g.m, g.n, false)), cpu());
  const auto matmul = execution(dnnl::matmul(how), {{DNNL_ARG_SRC, {how.src_desc(), cpu(), d->a.data()}},
                                                    {DNNL_ARG_WEIGHTS, {how.weights_desc(), cpu(), d->b.data()}},
                                                    {DNNL_ARG_DST, {how.dst_desc(), cpu(), d->c.data()}}});
  return fastest({{sgemm, sum, "sgemm"}, {matmul, sum, std::string("matmul ") + how.impl_info_str()}});
}

}  // namespace

void add_gemms(Cases& cases) {
  for (const Gemm& g : gemms()) cases[g.name] = [g] { return product(g); };
}

}  // namespace peers
