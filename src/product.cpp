#define SHUNT_LIST "shunt/compiled/product.inl"
#include "instances.hpp"
