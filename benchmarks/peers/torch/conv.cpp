// The faster of images stored by channels (NCHW) and by pixels (channels last).
#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {
namespace {

Run convolution(const Conv& c, at::MemoryFormat format) {
  const std::vector<Int> x{c.n, c.c, c.size, c.size}, y{c.n, c.k, c.out(), c.out()};
  const std::vector<Int> w{c.transposed ? c.c : c.k, (c.transposed ? c.k : c.c) / c.groups, c.kernel, c.kernel};
  const bool swapped = c.transposed && c.pass == Pass::weights;
  auto first = tensor(c.pass == Pass::data || swapped ? y : x, 1).contiguous(format);
  auto second = tensor(c.pass != Pass::weights ? w : swapped ? x : y, 2).contiguous(format);
  if (swapped) std::swap(first, second);
  const auto other = torch::empty(c.pass == Pass::data ? x : w).contiguous(format);  // only its shape matters
  const std::vector<Int> stride{c.stride, c.stride}, padding{c.padding, c.padding}, one{1, 1}, none{0, 0};
  auto result = std::make_shared<torch::Tensor>();
  const auto back = [=](const torch::Tensor& g, const torch::Tensor& input, const torch::Tensor& weight) {
    return at::convolution_backward(g, input, weight, at::OptionalIntArrayRef(c10::nullopt), stride, padding, one,
                                    c.transposed, none, c.groups,
                                    {c.pass == Pass::data, c.pass == Pass::weights, false});
  };
  const auto once = [=] {
    const c10::InferenceMode unrecorded;
    if (c.pass == Pass::forward)
      *result = at::convolution(first, second, {}, stride, padding, one, c.transposed, none, c.groups);
    else if (c.pass == Pass::data)
      *result = std::get<0>(back(first, other, second));
    else
      *result = std::get<1>(back(second, first, other));
  };
  return {once, [=] { return checksum(*result); }, format == at::MemoryFormat::Contiguous ? "NCHW" : "channels last"};
}

}  // namespace

void add_convs(Cases& cases) {
  for (const Conv& c : convs())
    cases[c.name] = [c] {
      return fastest({convolution(c, at::MemoryFormat::Contiguous), convolution(c, at::MemoryFormat::ChannelsLast)});
    };
}

}  // namespace peers
