// Twelve independent chains cover the latency of two multipliers; what they hold must be neither known nor equal, or
// the compiler leaves some out.
inline double multiply_add(int rounds) {
  typedef float V __attribute__((vector_size(SHUNT_ISA_BYTES)));
  constexpr int chains = 12;
  volatile float given = 0.5F;
  V sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = V{} + given * static_cast<float>(i);
  const V factor = V{} + given, term = V{} + (given + 1.0F);
  for (int r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) sums[i] = sums[i] * factor + term;
  }
  V total = {};
  for (int i = 0; i < chains; ++i) total += sums[i];
  volatile float kept = total[0];
  static_cast<void>(kept);
  return 2.0 * rounds * chains * static_cast<double>(SHUNT_ISA_BYTES / sizeof(float));
}
