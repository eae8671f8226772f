// Softmax, its logarithm, and the logarithm of a sum of exponentials.
#pragma once

#include "shunt/autograd/record.hpp"
#include "shunt/kernels/softmax.hpp"
#include "shunt/ops/reduce.hpp"

namespace shunt {
/// exp(x) over its sum along `dim`. NaN where all are minus infinity.
template <Real T>
Tensor<T> softmax(const Tensor<T>& x, std::int64_t dim) {
  const auto along = detail::along("softmax", x.shape(), dim);
  auto y = Tensor<T>::empty(x.shape());
  kernels::softmax(along, detail::dense(x).data(), y.data());
  return record("softmax", y, {x}, [y = save(y), along](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    auto [dx, accumulate] = into.target(0);
    kernels::softmax_backward(along, y.get("softmax").data(), detail::dense(g).data(), dx.data(), accumulate);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::softmax(std::int64_t dim) const {
  return shunt::softmax(*this, dim);
}

/// log(softmax(x)) along `dim`, from the differences to the maximum: finite where softmax has rounded to 0.
template <Real T>
Tensor<T> log_softmax(const Tensor<T>& x, std::int64_t dim) {
  const auto along = detail::along("log_softmax", x.shape(), dim);
  auto y = Tensor<T>::empty(x.shape());
  kernels::log_softmax(along, detail::dense(x).data(), y.data());
  return record("log_softmax", y, {x}, [y = save(y), along](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    auto [dx, accumulate] = into.target(0);
    kernels::log_softmax_backward(along, y.get("log_softmax").data(), detail::dense(g).data(), dx.data(), accumulate);
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::log_softmax(std::int64_t dim) const {
  return shunt::log_softmax(*this, dim);
}

namespace detail {

/// g exp(x - logsumexp), the latter in two parts.
struct LogSumExpGrad {
  template <class T>
  T operator()(T g, T x, T max, T log_sum) const {
    return g * kernels::math::exp(static_cast<T>((x - max) - log_sum));
  }
};
/// x with the dimensions of `mask` behind the others.
template <Scalar T>
Tensor<T> to_the_end(const Tensor<T>& x, std::uint32_t mask) {
  Dims order;
  for (const bool reduced : {false, true})
    for (int d = 0; d < x.rank(); ++d)
      if ((mask >> d & 1u) == (reduced ? 1u : 0u)) order.push_back(d);
  return permute(x, order);
}
/// Lines whose maximum is infinite: the result is that maximum, unless a NaN is among them.
template <Scalar T, Scalar A>
void settle_infinite(const Tensor<T>& x, const kernels::Along& along, const Tensor<A>& max, const Tensor<A>& log_sum) {
  const A inf = std::numeric_limits<A>::infinity();
  for (std::int64_t i = 0; i < along.lines(); ++i) {
    if (max.data()[i] != inf && max.data()[i] != -inf) continue;
    log_sum.data()[i] = A(0);
    const T* line = x.data() + along.begin(i);
    for (std::int64_t k = 0; k < along.n; ++k)
      if (line[k * along.inner] != line[k * along.inner]) max.data()[i] = static_cast<A>(line[k * along.inner]);
  }
}

}  // namespace detail

/// log of the sum of exp(x) over `dims`, from the differences to the maximum. Minus infinity of nothing.
template <Real T>
Tensor<T> logsumexp(const Tensor<T>& x, const Dims& dims, bool keepdim = false) {
  using A = accumulate_t<T>;
  const detail::ReducePlan plan("logsumexp", x.shape(), dims, keepdim);
  const bool one = dims.rank() == 1;
  const auto along =
      one ? detail::along("logsumexp", x.shape(), dims[0]) : kernels::Along{plan.result.numel(), plan.count, 1};
  const auto in = detail::dense(one ? x : detail::to_the_end(x.alias(x.data(), x.shape(), x.strides()), plan.mask));
  const auto max = Tensor<A>::empty(plan.kept), log_sum = Tensor<A>::empty(plan.kept);
  kernels::log_sum_exp(along, in.data(), max.data(), log_sum.data());
  detail::settle_infinite(in, along, max, log_sum);
  const auto y = Tensor<T>::empty(plan.result);
  detail::map_into(detail::Add{}, y.alias(y.data(), plan.kept, detail::dense_strides(plan.kept)), max, log_sum);
  return record(
      "logsumexp", y, {x},
      [x = save(x), max = save(max), log_sum = save(log_sum), mask = plan.mask](const Tensor<T>& g, Slots<T>& into) {
        if (!into.wants(0)) return;
        const auto from = x.get("logsumexp");
        into.map(0, detail::LogSumExpGrad{}, detail::spread(g, mask, from.shape()), from,
                 expand(max.get("logsumexp"), from.shape()), expand(log_sum.get("logsumexp"), from.shape()));
      });
}
template <Scalar T>
Tensor<T> Tensor<T>::logsumexp(const Dims& dims, bool keepdim) const {
  return shunt::logsumexp(*this, dims, keepdim);
}

}  // namespace shunt
