#define SHUNT_LIST "shunt/compiled/reduce.inl"
#include "instances.hpp"
