// Dropout for one instruction set: Philox blocks go side by side in vectors.

/// Word `word` of block `block` at bits[16 * word + block]; see RandomStream::block.
inline void random_bits(RandomStream stream, std::uint64_t first, std::uint32_t* bits) {
  std::uint32_t c0[16], c1[16], c2[16], c3[16];
  for (std::uint32_t j = 0; j < 16; ++j) {
    const std::uint64_t at = stream.position + first + j;
    c0[j] = static_cast<std::uint32_t>(at);
    c1[j] = static_cast<std::uint32_t>(at >> 32);
    c2[j] = c3[j] = 0;
  }
  std::uint32_t k0 = static_cast<std::uint32_t>(stream.seed), k1 = static_cast<std::uint32_t>(stream.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < 16; ++j) {
      const std::uint64_t p = std::uint64_t{0xD2511F53u} * c0[j], q = std::uint64_t{0xCD9E8D57u} * c2[j];
      const std::uint32_t p_low = 0xD2511F53u * c0[j], q_low = 0xCD9E8D57u * c2[j];
      c0[j] = static_cast<std::uint32_t>(q >> 32) ^ c1[j] ^ k0;
      c2[j] = static_cast<std::uint32_t>(p >> 32) ^ c3[j] ^ k1;
      c1[j] = q_low;
      c3[j] = p_low;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int j = 0; j < 16; ++j) {
    bits[j] = c0[j];
    bits[16 + j] = c1[j];
    bits[32 + j] = c2[j];
    bits[48 + j] = c3[j];
  }
}

/// Groups [begin, end) of 64 elements of n.
template <class T>
void dropout_groups(std::int64_t begin, std::int64_t end, std::int64_t n, const T* x, T* y, RandomStream stream,
                    std::uint32_t threshold, T scale, bool accumulate) {
  for (std::int64_t group = begin; group < end; ++group) {
    std::uint32_t bits[64];
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
      for (int j = 0; j < 64; ++j) out[j] = static_cast<T>(out[j] + (bits[j] < threshold ? T(0) : static_cast<T>(in[j] * scale)));
    } else {
      for (std::int64_t j = 0; j < count; ++j) {
        const T kept = bits[j] < threshold ? T(0) : static_cast<T>(in[j] * scale);
        out[j] = accumulate ? static_cast<T>(out[j] + kept) : kept;
      }
    }
  }
}
