// One instruction set's copy of the softmax kernels; see softmax.hpp.

// A step's elements where they lie, or, if it is not full, completed with `fill`.
template <class T>
inline const T* softmax_in(const T* x, std::int64_t width, T fill, T* room) {
  if (width >= block_length) return x;
  for (int j = 0; j < block_length; ++j) room[j] = j < width ? x[j] : fill;
  return room;
}
template <class T, class A>
inline void softmax_out(T* out, std::int64_t width, const A* values, bool accumulate) {
  if (width < block_length) {
    for (std::int64_t j = 0; j < width; ++j)
      out[j] = static_cast<T>(accumulate ? static_cast<A>(out[j]) + values[j] : values[j]);
  } else if (accumulate) {
    map_block(detail::Plus<A>{}, out, out, values);
  } else {
    map_block(detail::Itself<A>{}, out, values);
  }
}
// All of the tile's values joined, if it covers one row; every lane then holds the result.
template <class Join, class A>
inline void softmax_join(const detail::SoftmaxTile& t, A* v) {
  if (!t.joined) return;
  for (int half = block_length / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) v[j] = Join{}(v[j], v[j + half]);
  for (int j = 1; j < block_length; ++j) v[j] = v[0];
}

template <class T, class A>
inline void softmax_max(const detail::SoftmaxTile& t, const T* x, A* max) {
  const T low = static_cast<T>(-std::numeric_limits<accumulate_t<T>>::infinity());
  T room[block_length];
  for (int j = 0; j < block_length; ++j) max[j] = static_cast<A>(low);
  for (std::int64_t k = 0; k < t.steps; ++k)
    map_block(detail::Larger<A>{}, max, max, softmax_in(x + t.begin + k * t.stride, t.width_of(k), low, room));
  softmax_join<detail::Larger<A>>(t, max);
}
// The maximum and the sum of exp(x - max); these powers go to y, if there is one.
template <class T, class A>
inline void softmax_sum(const detail::SoftmaxTile& t, const T* x, A* max, A* sum, T* y) {
  const T low = static_cast<T>(-std::numeric_limits<accumulate_t<T>>::infinity());
  A power[block_length];
  T room[block_length];
  softmax_max(t, x, max);
  for (int j = 0; j < block_length; ++j) sum[j] = A(0);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::ExpAbove<A>{}, power, softmax_in(x + at, width, low, room), max);
    map_block(detail::Plus<A>{}, sum, sum, power);
    if (y != nullptr) softmax_out(y + at, width, power, false);
  }
  softmax_join<detail::Plus<A>>(t, sum);
}

template <class T>
void softmax(const detail::SoftmaxTile& t, const T* x, T* y) {
  using A = accumulate_t<T>;
  constexpr bool keep = std::is_same_v<A, T>;  // else the powers are made twice, so that the result is rounded once
  A max[block_length], sum[block_length], value[block_length];
  T room[block_length];
  softmax_sum(t, x, max, sum, keep ? y : nullptr);
  map_block(detail::Inverse<A>{}, sum, sum);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    if constexpr (keep) {
      map_block(detail::Times<A>{}, value, softmax_in(y + at, width, T(0), room), sum);
    } else {
      map_block(detail::ExpAbove<A>{}, value, softmax_in(x + at, width, T(0), room), max);
      map_block(detail::Times<A>{}, value, value, sum);
    }
    softmax_out(y + at, width, value, false);
  }
}

template <class T>
void log_sum_exp(const detail::SoftmaxTile& t, const T* x, accumulate_t<T>* max, accumulate_t<T>* log_sum) {
  using A = accumulate_t<T>;
  A m[block_length], sum[block_length];
  softmax_sum(t, x, m, sum, static_cast<T*>(nullptr));
  for (std::int64_t j = 0; j < t.lines; ++j) {
    max[j] = m[j];
    log_sum[j] = math::log(sum[j]);
  }
}

template <class T>
void log_softmax(const detail::SoftmaxTile& t, const T* x, T* y) {
  using A = accumulate_t<T>;
  A max[block_length], sum[block_length], value[block_length];
  T room[block_length];
  softmax_sum(t, x, max, sum, static_cast<T*>(nullptr));
  for (std::int64_t j = 0; j < t.lines; ++j) sum[j] = math::log(sum[j]);
  if (t.joined)
    for (int j = 1; j < block_length; ++j) sum[j] = sum[0];
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::LogSoftmax<A>{}, value, softmax_in(x + at, width, T(0), room), max, sum);
    softmax_out(y + at, width, value, false);
  }
}

template <class T>
void softmax_backward(const detail::SoftmaxTile& t, const T* y, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  A dot[block_length], value[block_length];
  T y_room[block_length], g_room[block_length];
  for (int j = 0; j < block_length; ++j) dot[j] = A(0);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::PlusProduct<A>{}, dot, dot, softmax_in(y + at, width, T(0), y_room),
              softmax_in(g + at, width, T(0), g_room));
  }
  softmax_join<detail::Plus<A>>(t, dot);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::SoftmaxGrad<A>{}, value, softmax_in(y + at, width, T(0), y_room),
              softmax_in(g + at, width, T(0), g_room), dot);
    softmax_out(dx + at, width, value, accumulate);
  }
}

template <class T>
void log_softmax_backward(const detail::SoftmaxTile& t, const T* y, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  A sum[block_length], value[block_length];
  T y_room[block_length], g_room[block_length];
  for (int j = 0; j < block_length; ++j) sum[j] = A(0);
  for (std::int64_t k = 0; k < t.steps; ++k)
    map_block(detail::Plus<A>{}, sum, sum, softmax_in(g + t.begin + k * t.stride, t.width_of(k), T(0), g_room));
  softmax_join<detail::Plus<A>>(t, sum);
  for (std::int64_t k = 0; k < t.steps; ++k) {
    const std::int64_t at = t.begin + k * t.stride, width = t.width_of(k);
    map_block(detail::LogSoftmaxGrad<A>{}, value, softmax_in(y + at, width, T(0), y_room),
              softmax_in(g + at, width, T(0), g_room), sum);
    softmax_out(dx + at, width, value, accumulate);
  }
}

// The weights of a step's classes: neighbours in a row, one and the same across columns.
template <class T>
inline const T* class_weights(const CrossEntropy<T>& c, const detail::SoftmaxTile& t, std::int64_t k, T* room) {
  if (c.weight != nullptr && t.joined) return softmax_in(c.weight + k * block_length, t.width_of(k), T(0), room);
  if (c.weight != nullptr || k == 0)
    for (int j = 0; j < block_length; ++j) room[j] = c.weight != nullptr ? c.weight[k] : T(1);
  return room;
}

template <class T>
void cross_entropy(const CrossEntropy<T>& c, const detail::SoftmaxTile& t, accumulate_t<T>* max,
                   accumulate_t<T>* log_sum, accumulate_t<T>* loss) {
  using A = accumulate_t<T>;
  A m[block_length], sum[block_length], shortfall[block_length];
  T x_room[block_length], w_room[block_length];
  softmax_sum(t, c.logits, m, sum, static_cast<T*>(nullptr));
  A weights(0);
  if (c.label_smoothing > 0) {
    for (int j = 0; j < block_length; ++j) shortfall[j] = A(0);
    for (std::int64_t k = 0; k < t.steps; ++k)
      map_block(detail::Shortfall<A>{}, shortfall, shortfall,
                softmax_in(c.logits + t.begin + k * t.stride, t.width_of(k), static_cast<T>(m[0]), x_room), m,
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
  A hit[block_length], before[block_length], value[block_length];
  T x_room[block_length], w_room[block_length];
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
    map_block(detail::CrossEntropyGrad<A>{}, value, softmax_in(c.logits + at, width, T(0), x_room), m, l, scale, smooth,
              class_weights(c, t, k, w_room));
    softmax_out(dx + at, width, value, accumulate);
  }
  for (std::int64_t j = 0; j < t.lines; ++j) {
    const std::int64_t target = c.target[t.line + j];
    if (target != c.ignore_index) dx[t.begin + j + target * c.along.inner] = static_cast<T>(before[j] + hit[j]);
  }
}
