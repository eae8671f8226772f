// The second unit with shunt::compiled.
#ifndef SHUNT_COMPILED
#error "shunt::compiled does not define SHUNT_COMPILED"
#endif
#include "work.hpp"

std::vector<float> train_other();
std::vector<float> train_other() { return train(); }
