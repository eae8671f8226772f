// Attention against its formula as PyTorch computes it.
#include "shunt/ops/attention.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

AttentionOptions<double> options(const Case& c) {
  AttentionOptions<double> o{.is_causal = c.flag("is_causal")};
  if (c.has("scale")) o.scale = c.number("scale");
  if (!c.masks.empty())
    o.attn_mask = c.masks[0];
  else if (c.x.size() > 3)
    o.attn_mask = c.x[3];
  return o;
}

const reference::Calls attention_calls = {
    {"attention", [](const Case& c) { return scaled_dot_product_attention(c.x[0], c.x[1], c.x[2], options(c)); }},
};

}  // namespace

TEST_CASE("attention: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("attention", attention_calls, 1e-13);
}
