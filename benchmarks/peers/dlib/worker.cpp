// dlib: the residual networks of linear layers. Its `repeat` keeps the type small; the depth is part of it all the
// same.
#include <cblas.h>
#include <dlib/dnn.h>

#include <memory>

#include "../case.hpp"
#include "../nets.hpp"

namespace peers {
namespace {

template <long width>
struct Net {
  template <class Below>
  using Block = dlib::add_prev1<dlib::fc<width, dlib::relu<dlib::fc<width, dlib::tag1<Below>>>>>;
  /// The layer below the blocks gives the input their shape.
  template <std::size_t blocks>
  using Stack = dlib::loss_mean_squared_multioutput<
      dlib::repeat<blocks, Block, dlib::fc<width, dlib::input<dlib::matrix<float>>>>>;
};

template <class Stack>
struct Data {
  Stack net;
  dlib::resizable_tensor x;
  std::vector<dlib::matrix<float>> targets;
  std::vector<dlib::sgd> solvers;

  Data(long width, long batch) : solvers(Stack::num_computational_layers, dlib::sgd(0, static_cast<float>(momentum))) {
    std::vector<dlib::matrix<float>> inputs;
    dlib::rand random;
    for (long i = 0; i < batch; ++i) {
      inputs.push_back(dlib::matrix_cast<float>(dlib::gaussian_randm(width, 1, static_cast<unsigned long>(i))));
      targets.push_back(
          dlib::matrix_cast<float>(dlib::gaussian_randm(width, 1, static_cast<unsigned long>(i + batch))));
    }
    net.to_tensor(inputs.begin(), inputs.end(), x);
    net.subnet().forward(x);  // makes the weights
    auto& stack = net.subnet();
    const auto depth = static_cast<float>(stack.num_repetitions());
    for (std::size_t i = 0; i < stack.num_repetitions(); ++i)
      stack.get_repeated_layer(i).subnet().layer_details().get_layer_params() *= 1 / std::sqrt(depth);
  }
};

template <long width, std::size_t blocks>
void add(Cases& cases) {
  using Stack = typename Net<width>::template Stack<blocks>;
  const auto name = Mlp{width, static_cast<Int>(blocks)}.name();
  cases["train/" + name] = [] {
    auto d = std::make_shared<Data<Stack>>(width, mlp_batch);
    return Run{[d] {
      d->net.compute_parameter_gradients(d->x, d->targets.begin());
      d->net.update_parameters(d->solvers, learning_rate);
    }};
  };
  cases["infer/" + name] = [] {
    auto d = std::make_shared<Data<Stack>>(width, 1);
    return Run{[d] { d->net.subnet().forward(d->x); }};
  };
}

}  // namespace
}  // namespace peers

int main() {
  peers::Cases cases;
  peers::add<64, 1000>(cases);
  peers::add<256, 100>(cases);
  peers::add<1024, 20>(cases);
  return peers::serve(
      cases, [] { return std::string("dlib, OpenBLAS, kernels for ") + openblas_get_corename(); },
      openblas_set_num_threads);
}
