// ops/reduce.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> sum(const Tensor<SHUNT_T>&, const Dims&, bool);
SHUNT_INSTANCE Tensor<SHUNT_T> mean(const Tensor<SHUNT_T>&, const Dims&, bool);
SHUNT_INSTANCE Tensor<SHUNT_T> amax(const Tensor<SHUNT_T>&, const Dims&, bool);
SHUNT_INSTANCE Tensor<SHUNT_T> max(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> amin(const Tensor<SHUNT_T>&, const Dims&, bool);
SHUNT_INSTANCE Tensor<SHUNT_T> min(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> prod(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> prod(const Tensor<SHUNT_T>&, std::int64_t, bool);
// ops/statistics.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> var(const Tensor<SHUNT_T>&, const Dims&, VarOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> std(const Tensor<SHUNT_T>&, const Dims&, VarOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> norm(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> norm(const Tensor<SHUNT_T>&, double, const Dims&, bool);
// ops/softmax.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> softmax(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> log_softmax(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> logsumexp(const Tensor<SHUNT_T>&, const Dims&, bool);
// ops/order.hpp
SHUNT_INSTANCE ValuesIndices<SHUNT_T> max(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE ValuesIndices<SHUNT_T> min(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE Tensor<std::int64_t> argmax(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<std::int64_t> argmax(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE Tensor<std::int64_t> argmin(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<std::int64_t> argmin(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE ValuesIndices<SHUNT_T> sort(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE Tensor<std::int64_t> argsort(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE ValuesIndices<SHUNT_T> topk(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t, bool);
SHUNT_INSTANCE Tensor<SHUNT_T> cumsum(const Tensor<SHUNT_T>&, std::int64_t);
// ops/compare.hpp
SHUNT_INSTANCE Tensor<bool> any(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> any(const Tensor<SHUNT_T>&, std::int64_t, bool);
SHUNT_INSTANCE Tensor<bool> all(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> all(const Tensor<SHUNT_T>&, std::int64_t, bool);
// ops/cross_entropy.hpp, ops/loss.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> cross_entropy(const Tensor<SHUNT_T>&, const Tensor<std::int64_t>&,
                                             const CrossEntropyOptions<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> cross_entropy(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                             const CrossEntropyOptions<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> nll_loss(const Tensor<SHUNT_T>&, const Tensor<std::int64_t>&,
                                        const NllLossOptions<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> mse_loss(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, LossOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> l1_loss(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, LossOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> smooth_l1_loss(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, SmoothL1Options);
SHUNT_INSTANCE Tensor<SHUNT_T> binary_cross_entropy_with_logits(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                                                const BceOptions<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> kl_div(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, KlDivOptions);
