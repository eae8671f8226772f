// A bare Tensor among the members would be shared by copies of the layer, and trained by none.
#include <shunt/shunt.hpp>

namespace nn = shunt::nn;

struct Scale : nn::Layer<float> {
#ifdef MISTAKE
  shunt::Tensor<float> factor{shunt::ones({1})};
#else
  nn::Parameter<float> factor{shunt::ones({1})};
#endif
  shunt::Tensor<float> forward(const shunt::Tensor<float>& x) override { return x * factor; }
  void members(nn::Members<float>& m) override { m("factor", factor); }
};

int main() { Scale scale; }
