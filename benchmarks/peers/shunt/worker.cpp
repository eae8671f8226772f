// The worker of this library.
#include <shunt/core/threads.hpp>
#include <shunt/kernels/isa.hpp>

#include "cases.hpp"

int main() {
  peers::Cases cases;
  peers::add_gemms(cases);
  peers::add_convs(cases);
  peers::add_layers(cases);
  peers::add_nets(cases);
  return peers::serve(
      cases, [] { return "shunt, kernels for " + std::string(shunt::name(shunt::isa())); }, shunt::set_num_threads);
}
