#include "shunt/shunt.hpp"

#define SHUNT_INSTANCE template
namespace shunt {
#include "shunt/compiled/integers.inl"
}  // namespace shunt
