// ops/arithmetic.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> add(Tensor<SHUNT_T>, Tensor<SHUNT_T>);
SHUNT_INSTANCE Tensor<SHUNT_T> sub(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> mul(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> div(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> neg(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> operator+(Tensor<SHUNT_T>, Tensor<SHUNT_T>);
SHUNT_INSTANCE Tensor<SHUNT_T> operator-(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> operator*(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> operator/(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> operator-(const Tensor<SHUNT_T>&);
// ops/elementary.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> exp(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> log(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> sqrt(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> rsqrt(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> sin(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> cos(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> tanh(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> sigmoid(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> erf(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> abs(const Tensor<SHUNT_T>&);
// ops/activation.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> relu(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> relu(Tensor<SHUNT_T>&&);
SHUNT_INSTANCE Tensor<SHUNT_T> leaky_relu(const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> elu(const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> silu(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> softplus(const Tensor<SHUNT_T>&, SoftplusOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> detail::gelu_erf(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> detail::gelu_tanh(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> gelu(const Tensor<SHUNT_T>&, GeluOptions);
// ops/power.hpp, ops/bounds.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> pow(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> maximum(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> minimum(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> clamp(const Tensor<SHUNT_T>&, double, double);
SHUNT_INSTANCE Tensor<SHUNT_T> hardtanh(const Tensor<SHUNT_T>&, double, double);
SHUNT_INSTANCE Tensor<SHUNT_T> clamp_min(const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> clamp_max(const Tensor<SHUNT_T>&, double);
// ops/where.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> where(const Tensor<bool>&, const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> masked_fill(const Tensor<SHUNT_T>&, const Tensor<bool>&, double);
// ops/compare.hpp
SHUNT_INSTANCE Tensor<bool> operator<(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> operator>(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> operator<=(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> operator>=(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> operator==(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> operator!=(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> isnan(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> isinf(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> isfinite(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE bool equal(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<bool> isclose(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, double, double);
SHUNT_INSTANCE bool allclose(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&, double, double);
