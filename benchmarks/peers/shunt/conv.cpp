#include <shunt/kernels/conv.hpp>

#include <memory>

#include "../shapes.hpp"
#include "cases.hpp"

namespace peers {
namespace {

Run convolution(const Conv& case_) {
  using namespace shunt::kernels;
  const Conv c = case_.plain();
  const ConvShape s{c.n,      c.c,       c.size,    c.size, c.k, c.kernel, c.kernel, c.stride,
                    c.stride, c.padding, c.padding, 1,      1,   c.groups, c.out(),  c.out()};
  struct Data {
    Floats first, second, result;
  };
  const Int weights = c.weights(), x = c.x(), y = c.y();
  const Int first = c.pass == Pass::data ? y : x, second = c.pass == Pass::weights ? y : weights;
  const Int result = c.pass == Pass::forward ? y : c.pass == Pass::data ? x : weights;
  auto d = std::make_shared<Data>(Data{filled(first, 1), filled(second, 2), filled(result, 3)});
  const auto once = [=] {
    const float *a = d->first.data(), *b = d->second.data();
    if (c.pass == Pass::forward) conv_forward<float>(s, a, b, nullptr, d->result.data());
    if (c.pass == Pass::data) conv_backward_data<float>(s, a, b, d->result.data());
    if (c.pass == Pass::weights) conv_backward_weights<float>(s, a, b, d->result.data());
  };
  return {once, [=] { return checksum(d->result.data(), result); }};
}

}  // namespace

void add_convs(Cases& cases) {
  for (const Conv& c : convs()) cases[c.name] = [c] { return convolution(c); };
}

}  // namespace peers
