// Reductions and order as PyTorch has them, with its conventions at ties.
#include "shunt/ops/compare.hpp"
#include "shunt/ops/order.hpp"
#include "shunt/ops/reduce.hpp"
#include "shunt/ops/softmax.hpp"
#include "shunt/ops/statistics.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

Dims dims(const Case& c) { return c.ints("dims"); }
bool keep(const Case& c) { return c.flag("keepdim"); }
VarOptions var_options(const Case& c) { return {.unbiased = c.number("unbiased", 1) != 0, .keepdim = keep(c)}; }

const reference::Calls reduce_calls = {
    {"sum", [](const Case& c) { return sum(c.x[0], dims(c), keep(c)); }},
    {"mean", [](const Case& c) { return mean(c.x[0], dims(c), keep(c)); }},
    {"var", [](const Case& c) { return var(c.x[0], dims(c), var_options(c)); }},
    {"std", [](const Case& c) { return shunt::std(c.x[0], dims(c), var_options(c)); }},
    {"amax", [](const Case& c) { return amax(c.x[0], dims(c), keep(c)); }},
    {"amin", [](const Case& c) { return amin(c.x[0], dims(c), keep(c)); }},
    {"norm", [](const Case& c) { return norm(c.x[0], 2, dims(c), keep(c)); }},
    {"norm_p", [](const Case& c) { return norm(c.x[0], c.number("p"), dims(c), keep(c)); }},
    {"max", [](const Case& c) { return max(c.x[0]); }},
    {"min", [](const Case& c) { return min(c.x[0]); }},
    {"max_dim", [](const Case& c) { return max(c.x[0], c.integer("dim"), keep(c)); }},
    {"min_dim", [](const Case& c) { return min(c.x[0], c.integer("dim"), keep(c)); }},
    {"argmax", [](const Case& c) { return argmax(c.x[0]); }},
    {"argmin", [](const Case& c) { return argmin(c.x[0]); }},
    {"argmax_dim", [](const Case& c) { return argmax(c.x[0], c.integer("dim"), keep(c)); }},
    {"argmin_dim", [](const Case& c) { return argmin(c.x[0], c.integer("dim"), keep(c)); }},
    {"prod", [](const Case& c) { return prod(c.x[0]); }},
    {"prod_dim", [](const Case& c) { return prod(c.x[0], c.integer("dim"), keep(c)); }},
    {"logsumexp", [](const Case& c) { return logsumexp(c.x[0], dims(c), keep(c)); }},
    {"cumsum", [](const Case& c) { return cumsum(c.x[0], c.integer("dim")); }},
    {"softmax", [](const Case& c) { return softmax(c.x[0], c.integer("dim")); }},
    {"log_softmax", [](const Case& c) { return log_softmax(c.x[0], c.integer("dim")); }},
    {"sort", [](const Case& c) { return sort(c.x[0], c.integer("dim"), c.flag("descending")); }},
    {"argsort", [](const Case& c) { return argsort(c.x[0], c.integer("dim"), c.flag("descending")); }},
    {"topk", [](const Case& c) { return topk(c.x[0], c.integer("k"), c.integer("dim"), c.flag("largest")); }},
    {"any", [](const Case& c) { return any(c.masks[0]); }},
    {"all", [](const Case& c) { return all(c.masks[0]); }},
    {"any_dim", [](const Case& c) { return any(c.masks[0], c.integer("dim"), keep(c)); }},
    {"all_dim", [](const Case& c) { return all(c.masks[0], c.integer("dim"), keep(c)); }},
};

}  // namespace

TEST_CASE("reductions and order: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("reduce", reduce_calls, 1e-13);
}
