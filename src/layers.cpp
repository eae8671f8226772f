#define SHUNT_LIST "shunt/compiled/layers.inl"
#include "instances.hpp"
