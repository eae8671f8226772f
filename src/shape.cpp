#define SHUNT_LIST "shunt/compiled/shape.inl"
#include "instances.hpp"
