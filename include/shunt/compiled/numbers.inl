// Beside a plain number N: ops/arithmetic.hpp.
#define SHUNT_WITH_NUMBER(N)                                           \
  SHUNT_INSTANCE Tensor<SHUNT_T> add(const Tensor<SHUNT_T>&, N);       \
  SHUNT_INSTANCE Tensor<SHUNT_T> sub(const Tensor<SHUNT_T>&, N);       \
  SHUNT_INSTANCE Tensor<SHUNT_T> mul(const Tensor<SHUNT_T>&, N);       \
  SHUNT_INSTANCE Tensor<SHUNT_T> div(const Tensor<SHUNT_T>&, N);       \
  SHUNT_INSTANCE Tensor<SHUNT_T> rsub(const Tensor<SHUNT_T>&, N);      \
  SHUNT_INSTANCE Tensor<SHUNT_T> rdiv(const Tensor<SHUNT_T>&, N);      \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator+(const Tensor<SHUNT_T>&, N); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator+(N, const Tensor<SHUNT_T>&); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator-(const Tensor<SHUNT_T>&, N); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator-(N, const Tensor<SHUNT_T>&); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator*(const Tensor<SHUNT_T>&, N); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator*(N, const Tensor<SHUNT_T>&); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator/(const Tensor<SHUNT_T>&, N); \
  SHUNT_INSTANCE Tensor<SHUNT_T> operator/(N, const Tensor<SHUNT_T>&)
SHUNT_WITH_NUMBER(int);
SHUNT_WITH_NUMBER(float);
SHUNT_WITH_NUMBER(double);
#undef SHUNT_WITH_NUMBER
