#define SHUNT_LIST "shunt/compiled/pointwise.inl"
#include "instances.hpp"
