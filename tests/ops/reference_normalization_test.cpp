// Normalisation as PyTorch does it, running statistics included.
#include "shunt/ops/creation.hpp"
#include "shunt/ops/norm.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;
using reference::D;

namespace {

reference::Outputs batch(const Case& c) {
  const D mean = from_vector(c.list("mean")), var = from_vector(c.list("var"));
  const D y = batch_norm(c.x[0], mean, var, c.maybe(1), c.maybe(2),
                         {.training = c.flag("training"), .momentum = c.number("momentum"), .eps = c.number("eps")});
  if (c.number("running", 1) == 0) return y;
  return std::vector<D>{y, mean, var};
}

const reference::Calls normalization_calls = {
    {"batch_norm", batch},
    {"layer_norm",
     [](const Case& c) { return layer_norm(c.x[0], c.ints("shape"), c.maybe(1), c.maybe(2), c.number("eps")); }},
    {"rms_norm", [](const Case& c) { return rms_norm(c.x[0], c.ints("shape"), c.maybe(1), c.number("eps")); }},
    {"group_norm",
     [](const Case& c) { return group_norm(c.x[0], c.integer("groups"), c.maybe(1), c.maybe(2), c.number("eps")); }},
    {"instance_norm", [](const Case& c) { return instance_norm(c.x[0], c.maybe(1), c.maybe(2), c.number("eps")); }},
};

}  // namespace

TEST_CASE("normalisation: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("normalization", normalization_calls, 1e-12);
}
