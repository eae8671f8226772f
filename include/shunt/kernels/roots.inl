// One instruction set's square roots of a block; see roots.hpp.

#if defined(__x86_64__) && defined(__GNUC__)
template <class T>
inline void sqrt_block(const T* in, T* out) {
  typedef T Vector __attribute__((vector_size(SHUNT_ISA_BYTES)));
  typedef T Unaligned __attribute__((vector_size(SHUNT_ISA_BYTES), may_alias, aligned(alignof(T))));
  for (int j = 0; j < block_length; j += SHUNT_ISA_BYTES / static_cast<int>(sizeof(T))) {
    Vector v = *reinterpret_cast<const Unaligned*>(in + j);
#if SHUNT_ISA_BYTES == 16
    if constexpr (sizeof(T) == 4)
      asm("sqrtps %0, %0" : "+x"(v));
    else
      asm("sqrtpd %0, %0" : "+x"(v));
#else
    if constexpr (sizeof(T) == 4)
      asm("vsqrtps %0, %0" : "+v"(v));
    else
      asm("vsqrtpd %0, %0" : "+v"(v));
#endif
    *reinterpret_cast<Unaligned*>(out + j) = v;
  }
}
#else
template <class T>
inline void sqrt_block(const T* in, T* out) {
  for (int j = 0; j < block_length; ++j) out[j] = math::sqrt(in[j]);
}
#endif
