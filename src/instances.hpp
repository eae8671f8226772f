// Defines what one list of include/shunt/compiled names, for float and double. With SHUNT_COMPILED, which the target
// sets, everything else that the lists name stays a reference to another of these files, so nothing is compiled twice.
#include "shunt/shunt.hpp"

#define SHUNT_INSTANCE template
namespace shunt {

#define SHUNT_T float
#include SHUNT_LIST
#undef SHUNT_T

#define SHUNT_T double
#include SHUNT_LIST
#undef SHUNT_T

}  // namespace shunt
