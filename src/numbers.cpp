#define SHUNT_LIST "shunt/compiled/numbers.inl"
#include "instances.hpp"
