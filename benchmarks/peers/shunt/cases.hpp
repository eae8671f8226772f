#pragma once

#include "../case.hpp"

namespace peers {

void add_gemms(Cases& cases);
void add_convs(Cases& cases);
void add_layers(Cases& cases);
void add_nets(Cases& cases);

}  // namespace peers
