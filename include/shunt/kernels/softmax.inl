// One instruction set's copy of the softmax kernels; see softmax.hpp.

// A block for steps that are not full.
template <class T>
struct SoftmaxRoom {
  alignas(64) T data[block_length];
  const T* of = nullptr;  // what it holds: a row's last step is filled in once for all passes
};
// A step's elements where they lie, or, if it is not full, completed with `fill`.
template <class T>
inline const T* softmax_in(const T* x, std::int64_t width, T fill, SoftmaxRoom<T>& room) {
  if (width >= block_length) return x;
  if (room.of == x) return room.data;
  for (int j = 0; j < block_length; ++j) room.data[j] = fill;
  for (std::int64_t j = 0; j < width; ++j) room.data[j] = x[j];
  room.of = x;
  return room.data;
}
// f(in...) into a step of the output.
template <class F, class T, class... I>
inline void softmax_out(const F& f, T* out, std::int64_t width, bool accumulate, const I*... in) {
  using A = accumulate_t<T>;
  if (width >= block_length && !accumulate) return map_block(f, out, in...);
  A value[block_length];
  map_block(f, value, in...);
  if (width >= block_length) return map_block(detail::Plus<A>{}, out, out, value);
  if (accumulate)
    for (std::int64_t j = 0; j < width; ++j) value[j] = static_cast<A>(out[j]) + value[j];
  for (std::int64_t j = 0; j < width; ++j) out[j] = static_cast<T>(value[j]);
}
// All of the tile's values joined, if it covers one row; every lane then holds the result.
template <class Join, class A>
inline void softmax_join(const detail::SoftmaxTile& t, A* v) {
  if (!t.joined) return;
  reduce_half<block_length / 2>(Join{}, v);
  const A all = v[0];
  for (int j = 0; j < block_length; ++j) v[j] = all;
}
template <class A>
inline void softmax_zero(A* v) {
  for (int j = 0; j < block_length; ++j) v[j] = A(0);
}

template <class T, class A>
inline void softmax_max(const detail::SoftmaxTile& t, const T* x, A* max, SoftmaxRoom<T>& room) {
  const T low = static_cast<T>(-std::numeric_limits<accumulate_t<T>>::infinity());
  for (int j = 0; j < block_length; ++j) max[j] = static_cast<A>(low);
  for (std::int64_t k = 0; k < t.steps; ++k)
    map_block(detail::Larger<A>{}, max, max, softmax_in(x + t.begin + k * t.stride, t.width_of(k), low, room));
  softmax_join<detail::Larger<A>>(t, max);
}
// The maximum and the sum of exp(x - max); these powers go to y, if there is one.
template <class T, class A>
inline void softmax_sum(const detail::SoftmaxTile& t, const T* x, A* max, A* sum, T* y, SoftmaxRoom<T>& room) {
  const T low = static_cast<T>(-std::numeric_limits<accumulate_t<T>>::infinity());
  A power[block_length];
  softmax_max(t, x, max, room);
  softmax_zero(sum);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    A* to = power;
    if constexpr (std::is_same_v<A, T>) to = y != nullptr && width >= block_length ? y + at : power;
    map_block(detail::ExpAbove<A>{}, to, softmax_in(x + at, width, low, room), max);
    map_block(detail::Plus<A>{}, sum, sum, to);
    if (y != nullptr && to == power)
      for (std::int64_t j = 0; j < width; ++j) y[at + j] = static_cast<T>(power[j]);
  }
  softmax_join<detail::Plus<A>>(t, sum);
}

template <class T>
void softmax(const detail::SoftmaxTile& t, const T* x, T* y) {
  using A = accumulate_t<T>;
  // Else the powers are made twice: far columns cost more to write and read again, and bfloat16 is to be rounded once.
  const bool keep = std::is_same_v<A, T> && (t.joined || t.stride == block_length);
  A max[block_length], sum[block_length], power[block_length];
  SoftmaxRoom<T> x_room, y_room;
  softmax_sum(t, x, max, sum, keep ? y : nullptr, x_room);
  map_block(detail::Inverse<A>{}, sum, sum);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    if (keep) {
      softmax_out(detail::Times<A>{}, y + at, width, false, softmax_in(y + at, width, T(0), y_room), sum);
    } else {
      map_block(detail::ExpAbove<A>{}, power, softmax_in(x + at, width, T(0), x_room), max);
      softmax_out(detail::Times<A>{}, y + at, width, false, power, sum);
    }
  }
}

template <class T>
void log_sum_exp(const detail::SoftmaxTile& t, const T* x, accumulate_t<T>* max, accumulate_t<T>* log_sum) {
  using A = accumulate_t<T>;
  A m[block_length], sum[block_length];
  SoftmaxRoom<T> room;
  softmax_sum(t, x, m, sum, static_cast<T*>(nullptr), room);
  for (std::int64_t j = 0; j < t.lines; ++j) {
    max[j] = m[j];
    log_sum[j] = math::log(sum[j]);
  }
}

template <class T>
void log_softmax(const detail::SoftmaxTile& t, const T* x, T* y) {
  using A = accumulate_t<T>;
  A max[block_length], sum[block_length];
  SoftmaxRoom<T> room;
  softmax_sum(t, x, max, sum, static_cast<T*>(nullptr), room);
  for (std::int64_t j = 0; j < t.lines; ++j) sum[j] = math::log(sum[j]);
  if (t.joined)
    for (int j = 1; j < block_length; ++j) sum[j] = sum[0];
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    softmax_out(detail::LogSoftmax<A>{}, y + at, width, false, softmax_in(x + at, width, T(0), room), max, sum);
  }
}

template <class T>
void softmax_backward(const detail::SoftmaxTile& t, const T* y, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  A dot[block_length];
  SoftmaxRoom<T> y_room, g_room;
  softmax_zero(dot);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::PlusProduct<A>{}, dot, dot, softmax_in(y + at, width, T(0), y_room),
              softmax_in(g + at, width, T(0), g_room));
  }
  softmax_join<detail::Plus<A>>(t, dot);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    softmax_out(detail::SoftmaxGrad<A>{}, dx + at, width, accumulate, softmax_in(y + at, width, T(0), y_room),
                softmax_in(g + at, width, T(0), g_room), dot);
  }
}

template <class T>
void log_softmax_backward(const detail::SoftmaxTile& t, const T* y, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  A sum[block_length];
  SoftmaxRoom<T> y_room, g_room;
  softmax_zero(sum);
  for (std::int64_t k = 0; k < t.steps; ++k)
    map_block(detail::Plus<A>{}, sum, sum, softmax_in(g + t.begin + k * t.stride, t.width_of(k), T(0), g_room));
  softmax_join<detail::Plus<A>>(t, sum);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    softmax_out(detail::LogSoftmaxGrad<A>{}, dx + at, width, accumulate, softmax_in(y + at, width, T(0), y_room),
                softmax_in(g + at, width, T(0), g_room), sum);
  }
}

// The weights of a step's classes: neighbours in a row, one and the same across columns.
template <class T>
inline const T* class_weights(const CrossEntropy<T>& c, const detail::SoftmaxTile& t, std::int64_t k,
                              SoftmaxRoom<T>& room) {
  if (c.weight != nullptr && t.joined) return softmax_in(c.weight + k * block_length, t.width_of(k), T(0), room);
  if (c.weight != nullptr || k == 0)
    for (int j = 0; j < block_length; ++j) room.data[j] = c.weight != nullptr ? c.weight[k] : T(1);
  return room.data;
}

template <class T>
void cross_entropy(const CrossEntropy<T>& c, const detail::SoftmaxTile& t, accumulate_t<T>* max,
                   accumulate_t<T>* log_sum, accumulate_t<T>* loss) {
  using A = accumulate_t<T>;
  A m[block_length], sum[block_length], shortfall[block_length];
  SoftmaxRoom<T> x_room, w_room, short_room;
  softmax_sum(t, c.logits, m, sum, static_cast<T*>(nullptr), x_room);
  A weights(0);
  if (c.label_smoothing > 0) {
    softmax_zero(shortfall);
    for (std::int64_t k = 0; k < t.steps; ++k)
      map_block(detail::Shortfall<A>{}, shortfall, shortfall,
                softmax_in(c.logits + t.begin + k * t.stride, t.width_of(k), static_cast<T>(m[0]), short_room), m,
                class_weights(c, t, k, w_room));
    softmax_join<detail::Plus<A>>(t, shortfall);
    for (std::int64_t k = 0; k < c.along.n; ++k) weights += c.weight != nullptr ? static_cast<A>(c.weight[k]) : A(1);
  }
  for (std::int64_t j = 0; j < t.lines; ++j) {
    max[j] = m[j];
    log_sum[j] = math::log(sum[j]);
    const std::int64_t target = c.target[t.line + j];
    if (target == c.ignore_index) {
      loss[j] = A(0);
      continue;
    }
    const A x = static_cast<A>(c.logits[t.begin + j + target * c.along.inner]);
    const A w = c.weight != nullptr ? static_cast<A>(c.weight[target]) : A(1);
    loss[j] = w * ((m[j] - x) + log_sum[j]);
    if (c.label_smoothing > 0)
      loss[j] = A(1 - c.label_smoothing) * loss[j] +
                A(c.label_smoothing / static_cast<double>(c.along.n)) * (shortfall[j] + weights * log_sum[j]);
  }
}

template <class T>
void cross_entropy_backward(const CrossEntropy<T>& c, const detail::SoftmaxTile& t, const accumulate_t<T>* max,
                            const accumulate_t<T>* log_sum, const accumulate_t<T>* upstream, accumulate_t<T> weights,
                            T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  A m[block_length] = {}, l[block_length] = {}, scale[block_length] = {}, smooth[block_length] = {};
  A hit[block_length], before[block_length];
  SoftmaxRoom<T> x_room, w_room;
  const A each = A(c.label_smoothing / static_cast<double>(c.along.n)), rest = A(1 - c.label_smoothing);
  for (std::int64_t j = 0; j < t.lines; ++j) {
    const std::int64_t target = c.target[t.line + j];
    m[j] = max[j];
    l[j] = log_sum[j];
    if (target == c.ignore_index) continue;
    const std::int64_t at = t.begin + j + target * c.along.inner;
    const A w = c.weight != nullptr ? static_cast<A>(c.weight[target]) : A(1);
    scale[j] = upstream[j] * (rest * w + each * weights);
    smooth[j] = upstream[j] * each;
    hit[j] = detail::CrossEntropyGrad<A>{}(static_cast<A>(c.logits[at]), m[j], l[j], scale[j], smooth[j], w) -
             upstream[j] * rest * w;
    before[j] = accumulate ? static_cast<A>(dx[at]) : A(0);
  }
  if (t.joined)
    for (int j = 1; j < block_length; ++j) m[j] = m[0], l[j] = l[0], scale[j] = scale[0], smooth[j] = smooth[0];
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    softmax_out(detail::CrossEntropyGrad<A>{}, dx + at, width, accumulate,
                softmax_in(c.logits + at, width, T(0), x_room), m, l, scale, smooth, class_weights(c, t, k, w_room));
  }
  for (std::int64_t j = 0; j < t.lines; ++j) {
    const std::int64_t target = c.target[t.line + j];
    if (target != c.ignore_index) dx[t.begin + j + target * c.along.inner] = static_cast<T>(before[j] + hit[j]);
  }
}
