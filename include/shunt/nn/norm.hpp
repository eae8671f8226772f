// Normalisation layers.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/norm.hpp"

namespace shunt::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  ///< The batch's share in the new running statistics.
  bool affine = true;     ///< Whether weight (ones at the start) and bias (zeros) are learned.
};

/// Normalises each channel: over the batch in training, by running statistics otherwise (Ioffe and Szegedy 2015).
template <Real T = float>
class BatchNorm : public Layer<T> {
 public:
  Parameter<T> weight, bias;
  Buffer<T> running_mean, running_var;
  Buffer<std::int64_t> num_batches_tracked;

  Tensor<T> forward(const Tensor<T>& x) override { return forward_onto(x, Tensor<T>()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    check_rank(x.shape());
    if (this->is_training() && shunt::detail::may_update_buffers()) num_batches_tracked.add_(1);
    return batch_norm_onto(base, x, running_mean, running_var, weight, bias,
                           {.training = this->is_training(), .momentum = options_.momentum, .eps = options_.eps});
  }
  void members(Members<T>& m) override {
    m("weight", weight)("bias", bias)("running_mean", running_mean)("running_var", running_var);
    m("num_batches_tracked", num_batches_tracked);
  }
  std::string options() const override { return std::to_string(running_mean.numel()); }

 protected:
  BatchNorm(std::int64_t channels, BatchNormOptions options)
      : running_mean(zeros<T>({channels})),
        running_var(ones<T>({channels})),
        num_batches_tracked(zeros<std::int64_t>({})),
        options_(options) {
    if (!options.affine) return;
    weight = Parameter<T>(ones<T>({channels}));
    bias = Parameter<T>(zeros<T>({channels}));
  }
  virtual void check_rank(const Shape& shape) const = 0;

 private:
  BatchNormOptions options_;
};

/// Batch norm of (n, channels) or (n, channels, length).
template <Real T = float>
class BatchNorm1d : public BatchNorm<T> {
 public:
  explicit BatchNorm1d(std::int64_t channels, BatchNormOptions options = {}) : BatchNorm<T>(channels, options) {}

 protected:
  void check_rank(const Shape& x) const override {
    if (x.rank() != 2 && x.rank() != 3)
      shunt::detail::raise<ShapeError>("batch_norm: expected (n, channels) or (n, channels, length), got ", x);
  }
};
/// Batch norm of images (n, channels, height, width).
template <Real T = float>
class BatchNorm2d : public BatchNorm<T> {
 public:
  explicit BatchNorm2d(std::int64_t channels, BatchNormOptions options = {}) : BatchNorm<T>(channels, options) {}

 protected:
  void check_rank(const Shape& x) const override {
    if (x.rank() != 4) shunt::detail::raise<ShapeError>("batch_norm: expected (n, channels, height, width), got ", x);
  }
};

}  // namespace shunt::nn
