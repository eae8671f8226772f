#define SHUNT_LIST "shunt/compiled/core.inl"
#include "instances.hpp"
