// What shunt::compiled holds of layers, models and optimizers; see tensor.inl beside it.
#define SHUNT_INSTANCE extern template
namespace shunt {

#define SHUNT_T float
#include "shunt/compiled/layers.inl"
#include "shunt/compiled/training.inl"
#undef SHUNT_T

#define SHUNT_T double
#include "shunt/compiled/layers.inl"
#include "shunt/compiled/training.inl"
#undef SHUNT_T

}  // namespace shunt
#undef SHUNT_INSTANCE
