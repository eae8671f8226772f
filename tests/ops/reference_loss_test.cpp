// Losses as PyTorch has them: class weights, ignored targets, smoothing, every reduction.
#include "shunt/ops/creation.hpp"
#include "shunt/ops/loss.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;
using reference::D;

namespace {

LossReduction reduction(const Case& c) { return LossReduction::parse(c.word("reduction")); }
D weight(const Case& c) { return c.has("weight") ? from_vector(c.list("weight")) : D(); }

D classes(const Case& c) {
  const CrossEntropyOptions<double> o{.weight = weight(c),
                                      .ignore_index = c.integer("ignore_index", -100),
                                      .reduction = reduction(c),
                                      .label_smoothing = c.number("label_smoothing", 0)};
  return c.flag("probabilities") ? cross_entropy(c.x[0], c.x[1], o) : cross_entropy(c.x[0], c.ids[0], o);
}
D logistic(const Case& c) {
  BceOptions<double> o{.weight = weight(c), .reduction = reduction(c)};
  if (c.has("pos_weight")) o.pos_weight = from_vector(c.list("pos_weight"), {2, 1});
  return binary_cross_entropy_with_logits(c.x[0], c.x[1], o);
}
D divergence(const Case& c) {
  return kl_div(
      c.x[0], c.x[1],
      {.reduction = decltype(KlDivOptions::reduction)::parse(c.word("reduction")), .log_target = c.flag("log_target")});
}

const reference::Calls loss_calls = {
    {"cross_entropy", classes},
    {"nll_loss",
     [](const Case& c) { return nll_loss(c.x[0], c.ids[0], {.weight = weight(c), .reduction = reduction(c)}); }},
    {"mse_loss", [](const Case& c) { return mse_loss(c.x[0], c.x[1], {.reduction = reduction(c)}); }},
    {"l1_loss", [](const Case& c) { return l1_loss(c.x[0], c.x[1], {.reduction = reduction(c)}); }},
    {"smooth_l1_loss",
     [](const Case& c) {
       return smooth_l1_loss(c.x[0], c.x[1], {.reduction = reduction(c), .beta = c.number("beta", 1)});
     }},
    {"binary_cross_entropy_with_logits", logistic},
    {"kl_div", divergence},
};

}  // namespace

TEST_CASE("losses: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("loss", loss_calls, 1e-13);
}
