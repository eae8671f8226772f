// Activations as layers.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/activation.hpp"
#include "shunt/ops/bounds.hpp"
#include "shunt/ops/elementary.hpp"
#include "shunt/ops/softmax.hpp"

namespace shunt::nn {

template <Real T = float>
struct ReLU : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return relu(x); }
  Tensor<T> forward_over(Tensor<T> x) override { return relu(std::move(x)); }
};
/// At most 6 (Howard et al. 2017, "MobileNets"), which few bits can hold.
template <Real T = float>
struct ReLU6 : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return hardtanh(x, 0, 6); }
};
template <Real T = float>
struct LeakyReLU : Layer<T> {
  double slope;
  explicit LeakyReLU(double negative_slope = 0.01) : slope(negative_slope) {}
  Tensor<T> forward(const Tensor<T>& x) override { return leaky_relu(x, slope); }
  std::string options() const override { return shunt::detail::text(slope); }
};
template <Real T = float>
struct ELU : Layer<T> {
  double alpha;
  explicit ELU(double a = 1) : alpha(a) {}
  Tensor<T> forward(const Tensor<T>& x) override { return elu(x, alpha); }
  std::string options() const override { return shunt::detail::text(alpha); }
};
/// A program compiles only the form that it asks for.
template <Real T = float>
class GELU : public Layer<T> {
 public:
  GELU() = default;
  GELU(GeluOptions options) : how_(options) {
    if (options.approximate == "tanh") form_ = shunt::detail::gelu_tanh<T>;
  }
  Tensor<T> forward(const Tensor<T>& x) override { return form_(x); }
  std::string options() const override { return how_.approximate == "tanh" ? "tanh" : ""; }

 private:
  GeluOptions how_;
  Tensor<T> (*form_)(const Tensor<T>&) = shunt::detail::gelu_erf<T>;
};
template <Real T = float>
struct SiLU : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return silu(x); }
};
template <Real T = float>
struct Softplus : Layer<T> {
  SoftplusOptions how;
  Softplus(SoftplusOptions options = {}) : how(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return softplus(x, how); }
};
template <Real T = float>
struct Sigmoid : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return sigmoid(x); }
};
template <Real T = float>
struct Tanh : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return tanh(x); }
};
template <Real T = float>
struct Softmax : Layer<T> {
  std::int64_t dim;
  explicit Softmax(std::int64_t along) : dim(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return softmax(x, dim); }
  std::string options() const override { return std::to_string(dim); }
};
template <Real T = float>
struct LogSoftmax : Layer<T> {
  std::int64_t dim;
  explicit LogSoftmax(std::int64_t along) : dim(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return log_softmax(x, dim); }
  std::string options() const override { return std::to_string(dim); }
};
/// x itself.
template <Real T = float>
struct Identity : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return x; }
};

}  // namespace shunt::nn
