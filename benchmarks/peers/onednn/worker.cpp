// oneDNN's worker.
#include <omp.h>

#include "cases.hpp"

int main() {
  peers::Cases cases;
  peers::add_gemms(cases);
  peers::add_convs(cases);
  return peers::serve(
      cases,
      [] {
        const auto* v = dnnl_version();
        return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch) +
               ", instruction sets up to number " + std::to_string(static_cast<int>(dnnl::get_effective_cpu_isa()));
      },
      omp_set_num_threads);
}
