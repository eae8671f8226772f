// One instruction set's copy of the elementwise loops; see elementwise.hpp.

/// Reads one operand's row a full block at a time: where the elements lie if they are dense, else gathered into a room
/// of its own. A block that the row does not fill is completed with its last element, on which the arithmetic is as
/// harmless as on the element itself.
template <class T>
class BlockReader {
 public:
  BlockReader(const T* p, std::int64_t stride) : p_(p), stride_(stride) {
    if (stride == 0)
      for (auto& r : room_) r = *p;
  }
  const T* next(std::int64_t count) {
    if (stride_ == 0) return room_;
    const T* p = p_;
    p_ += count * stride_;
    if (stride_ == 1 && count == map_block) return p;
    std::int64_t i = 0;
    for (; i < count; ++i) room_[i] = p[i * stride_];
    for (; i < map_block; ++i) room_[i] = room_[count - 1];
    return room_;
  }

 private:
  const T* p_;
  std::int64_t stride_;
  T room_[map_block];
};

template <class F, class O, class... I>
inline void map_one_block(const F& f, O* out, const I*... in) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < map_block; ++j) out[j] = static_cast<O>(f(in[j]...));
}

template <class F, class O, class... I>
inline void map_dense_row(const F& f, std::int64_t blocks, O* out, const I*... in) {
  for (std::int64_t b = 0; b < blocks; ++b) map_one_block(f, out + b * map_block, (in + b * map_block)...);
}

template <class F, class O, class... Reader>
inline void map_row(const F& f, std::int64_t n, O* out, std::int64_t stride, Reader... in) {
  O results[map_block];
  for (std::int64_t i = 0; i < n; i += map_block) {
    const std::int64_t count = n - i < map_block ? n - i : map_block;
    const bool direct = stride == 1 && count == map_block;
    map_one_block(f, direct ? out + i : results, in.next(count)...);
    if (!direct)
      for (std::int64_t j = 0; j < count; ++j) out[(i + j) * stride] = results[j];
  }
}

template <class F, class O, class... I, std::size_t... K>
inline void map_rows(const F& f, const Nest<1 + sizeof...(I)>& nest, std::int64_t first, std::int64_t last,
                     std::int64_t begin, std::int64_t n, O* out, std::index_sequence<K...>, const I*... in) {
  const int inner = nest.size.rank() - 1;
  const bool dense = nest.stride[0][inner] == 1 && ((nest.stride[K + 1][inner] == 1) && ...);
  const std::int64_t whole = dense ? n / map_block : 0, done = whole * map_block;
  NestWalk<1 + sizeof...(I)> at(nest, first, begin);
  for (std::int64_t row = first; row < last; ++row, at.next()) {
    if (whole > 0) map_dense_row(f, whole, out + at[0], (in + at[K + 1])...);
    if (done < n)
      map_row(f, n - done, out + at[0] + done * nest.stride[0][inner], nest.stride[0][inner],
              BlockReader<I>(in + at[K + 1] + done * nest.stride[K + 1][inner], nest.stride[K + 1][inner])...);
  }
}

/// Rows [first, last) of the nest, of each the elements [begin, begin + n).
template <class F, class O, class... I>
void map_part(const F& f, const Nest<1 + sizeof...(I)>& nest, std::int64_t first, std::int64_t last,
              std::int64_t begin, std::int64_t n, O* out, const I*... in) {
  map_rows(f, nest, first, last, begin, n, out, std::index_sequence_for<I...>{}, in...);
}
