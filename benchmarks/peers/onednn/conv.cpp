// The fastest of oneDNN's algorithms, in the layouts that it likes best: operands are brought into them beforehand,
// as if the whole network stayed in them.
#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {
namespace {

using dnnl::algorithm;
using dnnl::memory;

struct Shapes {
  memory::dims x, w, y, stride, padding;
  explicit Shapes(const Conv& c)
      : x{c.n, c.c, c.size, c.size},
        w{c.k, c.c, c.kernel, c.kernel},
        y{c.n, c.k, c.out(), c.out()},
        stride{c.stride, c.stride},
        padding{c.padding, c.padding} {
    if (c.groups > 1) w = {c.groups, c.k / c.groups, c.c / c.groups, c.kernel, c.kernel};
  }
};

memory::desc any(const memory::dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::any}; }

/// The plain layout of images and weights.
memory::desc rows(const memory::dims& dims) {
  return {dims, memory::data_type::f32, dims.size() == 4 ? memory::format_tag::abcd : memory::format_tag::abcde};
}

void reorder(memory from, memory to) {
  dnnl::stream stream(cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

memory operand(const memory::dims& dims, const memory::desc& layout, std::uint32_t seed) {
  memory plain(rows(dims), cpu()), there(layout, cpu());
  fill(static_cast<float*>(plain.get_data_handle()), static_cast<Int>(plain.get_desc().get_size() / sizeof(float)),
       seed);
  reorder(plain, there);
  return there;
}

struct Argument {
  int place;
  memory::dims dims;
  memory::desc layout;
};

Run runs(const dnnl::primitive& primitive, const Argument& first, const Argument& second, const Argument& result,
         const std::string& note) {
  const memory out(result.layout, cpu());
  const auto sum = [=] {
    memory plain(rows(result.dims), cpu());
    reorder(out, plain);
    return checksum(static_cast<const float*>(plain.get_data_handle()),
                    static_cast<Int>(plain.get_desc().get_size() / sizeof(float)));
  };
  return {execution(primitive, {{first.place, operand(first.dims, first.layout, 1)},
                                {second.place, operand(second.dims, second.layout, 2)},
                                {result.place, out}}),
          sum, note};
}

Run convolution(const Conv& c, algorithm how) {
  const Shapes s(c);
  const auto kind = c.pass == Pass::forward ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
  const dnnl::convolution_forward::primitive_desc forward(
      {kind, how, any(s.x), any(s.w), any(s.y), s.stride, s.padding, s.padding}, cpu());
  if (c.pass == Pass::forward)
    return runs(dnnl::convolution_forward(forward), {DNNL_ARG_SRC, s.x, forward.src_desc()},
                {DNNL_ARG_WEIGHTS, s.w, forward.weights_desc()}, {DNNL_ARG_DST, s.y, forward.dst_desc()},
                forward.impl_info_str());
  if (c.pass == Pass::data) {
    const dnnl::convolution_backward_data::primitive_desc back(
        {how, any(s.x), any(s.w), any(s.y), s.stride, s.padding, s.padding}, cpu(), forward);
    return runs(dnnl::convolution_backward_data(back), {DNNL_ARG_DIFF_DST, s.y, back.diff_dst_desc()},
                {DNNL_ARG_WEIGHTS, s.w, back.weights_desc()}, {DNNL_ARG_DIFF_SRC, s.x, back.diff_src_desc()},
                back.impl_info_str());
  }
  const dnnl::convolution_backward_weights::primitive_desc back(
      {how, any(s.x), any(s.w), any(s.y), s.stride, s.padding, s.padding}, cpu(), forward);
  return runs(dnnl::convolution_backward_weights(back), {DNNL_ARG_SRC, s.x, back.src_desc()},
              {DNNL_ARG_DIFF_DST, s.y, back.diff_dst_desc()}, {DNNL_ARG_DIFF_WEIGHTS, s.w, back.diff_weights_desc()},
              back.impl_info_str());
}

}  // namespace

void add_convs(Cases& cases) {
  for (const Conv& c : convs())
    cases[c.name] = [plain = c.plain()] {
      std::vector<Run> ways;
      for (const auto how :
           {algorithm::convolution_direct, algorithm::convolution_winograd, algorithm::convolution_auto}) {
        try {
          ways.push_back(convolution(plain, how));
        } catch (const dnnl::error&) {  // not for this shape
        }
      }
      return fastest(std::move(ways));
    };
}

}  // namespace peers
