// What shunt::compiled holds of tensors and their operations. The lists of this folder name each instantiation once:
// here they declare them, in src/ they define them. Inline functions may be inlined all the same.
#define SHUNT_INSTANCE extern template
namespace shunt {

#define SHUNT_T float
#include "shunt/compiled/core.inl"
#include "shunt/compiled/numbers.inl"
#include "shunt/compiled/pointwise.inl"
#include "shunt/compiled/product.inl"
#include "shunt/compiled/reduce.inl"
#include "shunt/compiled/shape.inl"
#undef SHUNT_T

#define SHUNT_T double
#include "shunt/compiled/core.inl"
#include "shunt/compiled/numbers.inl"
#include "shunt/compiled/pointwise.inl"
#include "shunt/compiled/product.inl"
#include "shunt/compiled/reduce.inl"
#include "shunt/compiled/shape.inl"
#undef SHUNT_T

#include "shunt/compiled/integers.inl"

}  // namespace shunt
#undef SHUNT_INSTANCE
