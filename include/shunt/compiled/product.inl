// ops/matmul.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> matmul(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> bmm(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> linear(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> linear_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                           const Tensor<SHUNT_T>&);
// ops/conv.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> conv1d(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                      const Conv1dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> conv1d_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                           const Tensor<SHUNT_T>&, const Conv1dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> conv2d(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                      const Conv2dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> conv2d_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                           const Tensor<SHUNT_T>&, const Conv2dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> conv_transpose2d(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                                const ConvTranspose2dOptions&);
// ops/norm.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> batch_norm(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                          const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, BatchNormOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> batch_norm_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                               const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                               BatchNormOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> layer_norm(const Tensor<SHUNT_T>&, const Shape&, const Tensor<SHUNT_T>&,
                                          const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> layer_norm_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Shape&,
                                               const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> rms_norm(const Tensor<SHUNT_T>&, const Shape&, const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> rms_norm_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Shape&,
                                             const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> group_norm(const Tensor<SHUNT_T>&, std::int64_t, const Tensor<SHUNT_T>&,
                                          const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> group_norm_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, std::int64_t,
                                               const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> instance_norm(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                             double);
SHUNT_INSTANCE Tensor<SHUNT_T> instance_norm_onto(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                                  const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, double);
// ops/attention.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> scaled_dot_product_attention(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&,
                                                            const Tensor<SHUNT_T>&, AttentionOptions<SHUNT_T>,
                                                            Generator&);
// ops/pool.hpp, ops/interpolate.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> max_pool2d(const Tensor<SHUNT_T>&, const Pair&, const MaxPool2dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> avg_pool2d(const Tensor<SHUNT_T>&, const Pair&, const AvgPool2dOptions&);
SHUNT_INSTANCE Tensor<SHUNT_T> adaptive_avg_pool2d(const Tensor<SHUNT_T>&, const Pair&);
SHUNT_INSTANCE Tensor<SHUNT_T> interpolate(const Tensor<SHUNT_T>&, const InterpolateOptions&);
