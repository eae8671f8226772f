// Convolution, pooling and interpolation as PyTorch does them.
#include "shunt/ops/conv.hpp"
#include "shunt/ops/interpolate.hpp"
#include "shunt/ops/pool.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

Pair pair(const Case& c, const char* name, std::int64_t otherwise) {
  const auto [h, w] = c.pair(name, otherwise);
  return {h, w};
}

reference::D conv1(const Case& c) {
  return conv1d(c.x[0], c.x[1], c.maybe(2),
                {.stride = c.integer("stride", 1),
                 .padding = c.integer("padding", 0),
                 .dilation = c.integer("dilation", 1),
                 .groups = c.integer("groups", 1)});
}
reference::D conv2(const Case& c) {
  return conv2d(c.x[0], c.x[1], c.maybe(2),
                {.stride = pair(c, "stride", 1),
                 .padding = pair(c, "padding", 0),
                 .dilation = pair(c, "dilation", 1),
                 .groups = c.integer("groups", 1)});
}
reference::D conv_transpose2(const Case& c) {
  return conv_transpose2d(c.x[0], c.x[1], c.maybe(2),
                          {.stride = pair(c, "stride", 1),
                           .padding = pair(c, "padding", 0),
                           .output_padding = pair(c, "output_padding", 0),
                           .groups = c.integer("groups", 1),
                           .dilation = pair(c, "dilation", 1)});
}
reference::D max_pool2(const Case& c) {
  return max_pool2d(c.x[0], pair(c, "kernel", 0),
                    {.stride = pair(c, "stride", 0),
                     .padding = pair(c, "padding", 0),
                     .dilation = pair(c, "dilation", 1),
                     .ceil_mode = c.flag("ceil_mode")});
}
reference::D avg_pool2(const Case& c) {
  return avg_pool2d(c.x[0], pair(c, "kernel", 0),
                    {.stride = pair(c, "stride", 0),
                     .padding = pair(c, "padding", 0),
                     .ceil_mode = c.flag("ceil_mode"),
                     .count_include_pad = c.number("count_include_pad", 1) != 0});
}
reference::D interpolated(const Case& c) {
  return interpolate(c.x[0], {.size = pair(c, "size", 0),
                              .scale_factor = c.number("scale_factor", 0),
                              .mode = decltype(InterpolateOptions::mode)::parse(c.word("mode")),
                              .align_corners = c.flag("align_corners")});
}

const reference::Calls convolution_calls = {
    {"conv1d", conv1},
    {"conv2d", conv2},
    {"conv_transpose2d", conv_transpose2},
    {"max_pool2d", max_pool2},
    {"avg_pool2d", avg_pool2},
    {"adaptive_avg_pool2d", [](const Case& c) { return adaptive_avg_pool2d(c.x[0], pair(c, "size", 0)); }},
    {"interpolate", interpolated},
};

}  // namespace

TEST_CASE("convolution, pooling, interpolation: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("convolution", convolution_calls, 1e-13);
}
