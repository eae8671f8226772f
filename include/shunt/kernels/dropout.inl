// Dropout for one instruction set: Philox blocks go side by side in vectors.

typedef unsigned long long Words __attribute__((vector_size(SHUNT_ISA_BYTES)));
typedef unsigned int NarrowWords __attribute__((vector_size(SHUNT_ISA_BYTES / 2)));
inline constexpr int words_width = SHUNT_ISA_BYTES / 8;

/// p = m c by lanes, of which only the lower halves count; g++ multiplies all 64 bits where it is not told.
inline void multiply_halves(Words& p, const Words& c, unsigned long long m) {
#if SHUNT_ISA_BYTES == 64 && !defined(__clang__)
  typedef int Halves __attribute__((vector_size(64)));
  typedef long long Signed __attribute__((vector_size(64)));
  p = reinterpret_cast<Words>(__builtin_ia32_pmuludq512_mask(reinterpret_cast<Halves>(c),
                                                             reinterpret_cast<Halves>(Words{} + m), Signed{}, 0xff));
#elif SHUNT_ISA_BYTES == 32 && !defined(__clang__)
  typedef int Halves __attribute__((vector_size(32)));
  p = reinterpret_cast<Words>(
      __builtin_ia32_pmuludq256(reinterpret_cast<Halves>(c), reinterpret_cast<Halves>(Words{} + m)));
#else
  p = (c & 0xffffffffull) * m;
#endif
}

inline void store_halves(const Words& c, std::uint32_t* bits) {
  const NarrowWords narrow = __builtin_convertvector(c, NarrowWords);
  std::memcpy(bits, &narrow, sizeof narrow);
}

/// Word `word` of block first + `block` at bits[16 * word + block]; see RandomStream::block. Upper halves are garbage
/// on the way.
inline void random_bits(RandomStream stream, std::uint64_t first, std::uint32_t* bits) {
  alignas(64) static constexpr unsigned long long positions[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                                   8, 9, 10, 11, 12, 13, 14, 15};
  for (int block = 0; block < 16; block += words_width) {
    Words c0, c2 = {}, c3 = {};
    std::memcpy(&c0, positions + block, sizeof c0);
    c0 += stream.position + first;
    Words c1 = c0 >> 32;
    unsigned long long k0 = stream.seed & 0xffffffffu, k1 = stream.seed >> 32;
    for (int round = 0; round < 10; ++round) {
      Words p, q;
      multiply_halves(p, c0, 0xD2511F53u);
      multiply_halves(q, c2, 0xCD9E8D57u);
      c0 = (q >> 32) ^ c1 ^ k0;
      c2 = (p >> 32) ^ c3 ^ k1;
      c1 = q;
      c3 = p;
      k0 = (k0 + 0x9E3779B9u) & 0xffffffffu;
      k1 = (k1 + 0xBB67AE85u) & 0xffffffffu;
    }
    store_halves(c0, bits + block);
    store_halves(c1, bits + block + 16);
    store_halves(c2, bits + block + 32);
    store_halves(c3, bits + block + 48);
  }
}

/// Groups [begin, end) of 64 elements of n.
template <class T>
void dropout_groups(std::int64_t begin, std::int64_t end, std::int64_t n, const T* x, T* y, RandomStream stream,
                    std::uint32_t threshold, T scale, bool accumulate) {
  for (std::int64_t group = begin; group < end; ++group) {
    alignas(64) std::uint32_t bits[64];
    random_bits(stream, static_cast<std::uint64_t>(group) * 16, bits);
    const T* in = x + group * 64;
    T* out = y + group * 64;
    const std::int64_t count = n - group * 64 < 64 ? n - group * 64 : 64;
    if (count == 64 && !accumulate) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
      for (int j = 0; j < 64; ++j) out[j] = bits[j] < threshold ? T(0) : static_cast<T>(in[j] * scale);
    } else if (count == 64) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
      for (int j = 0; j < 64; ++j)
        out[j] = static_cast<T>(out[j] + (bits[j] < threshold ? T(0) : static_cast<T>(in[j] * scale)));
    } else {
      for (std::int64_t j = 0; j < count; ++j) {
        const T kept = bits[j] < threshold ? T(0) : static_cast<T>(in[j] * scale);
        out[j] = accumulate ? static_cast<T>(out[j] + kept) : kept;
      }
    }
  }
}
