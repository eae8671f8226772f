#define SHUNT_LIST "shunt/compiled/training.inl"
#include "instances.hpp"
