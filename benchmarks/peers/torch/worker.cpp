// PyTorch's C++ library.
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "cases.hpp"

namespace {

/// Whose matrix products torch links to.
std::string blas() {
  using Text = const char*();
  void* library = dlopen("libblas.so.3", RTLD_NOW | RTLD_NOLOAD);
  auto* corename = library == nullptr ? nullptr : reinterpret_cast<Text*>(dlsym(library, "openblas_get_corename"));
  return corename == nullptr ? "a BLAS that is not OpenBLAS" : std::string("OpenBLAS, kernels for ") + corename();
}

/// The lines of get_parallel_info() that say which threads run.
std::string parallel() {
  std::istringstream in(at::get_parallel_info());
  std::string all;
  for (std::string line; std::getline(in, line);) {
    if (line.find("backend") != std::string::npos || line.find("OpenMP") != std::string::npos) all += ", " + line;
  }
  return all;
}

}  // namespace

int main() {
  peers::Cases cases;
  peers::add_gemms(cases);
  peers::add_convs(cases);
  peers::add_layers(cases);
  peers::add_nets(cases);
  peers::add_published(cases);
  return peers::serve(
      cases,
      [] {
        return "libtorch " TORCH_VERSION ", " + blas() + ", oneDNN " + (at::hasMKLDNN() ? "on" : "off") + parallel();
      },
      at::set_num_threads);
}
