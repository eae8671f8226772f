// The matrix product for one instruction set: small products straight from the operands, large ones from packed blocks.
#include "shunt/kernels/gemm_dot.inl"

// One panel of columns against all rows.
template <class T>
void multiply_panel(std::int64_t m, Tile<T> t) {
  const Epilogue<T> end = t.end;
  const T* const a = t.a;
  T* const c = t.c;
  for (std::int64_t i = 0; i < m; i += t.rows) {
    t.rows = next_rows(m - i);
    t.a = a + i * t.row;
    t.c = c + i * t.ldc;
    if (end.row_bias != nullptr) t.end.row_bias = end.row_bias + i;
    if (end.base != nullptr) t.end.base = end.base + i * end.base_row;
    run_tile(t);
  }
}

// A is read where it lies, and B where its rows are contiguous; one panel of B is packed otherwise.
template <class T>
void gemm_direct(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
                 const Epilogue<T>& e) {
  constexpr int W = Simd<T>::width, R = tile_cols<T>;
  for (std::int64_t j = 0; j < n; j += R) {
    const int cols = static_cast<int>(n - j < R ? n - j : R), width = cols > W ? R : W;
    const T* panel = b.data + j * b.col;
    std::int64_t ldb = b.row;
    const bool far = m > tile_rows && k * b.row > (std::int64_t{1} << 20);  // rows of B would evict each other
    if (b.col != 1 || cols != width || far) {
      T* packed = scratch<T>(Scratch::panel_b, k * R + W);
      (width == R ? pack<R, T, T> : pack<W, T, T>)(packed, panel, b.col, b.row, cols, k);
      panel = packed;
      ldb = width;
    }
    Tile<T> t{a.data, a.row, a.col, panel, ldb, k, c + j, ldc, 0, cols, e};
    if (e.bias != nullptr) t.end.bias = e.bias + j;
    if (e.base != nullptr) t.end.base = e.base + j;
    multiply_panel(m, t);
  }
}

// Tasks are parts of C, `rows` x `cols` each.
template <class T>
struct DirectTasks {
  std::int64_t m, n, k, rows, cols;
  Operand<T> a, b;
  T* c;
  std::int64_t ldc;
  const Epilogue<T>& e;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t across = (n + cols - 1) / cols;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t i = task / across * rows, j = task % across * cols;
      Epilogue<T> part = e;
      if (e.bias != nullptr) part.bias += j;
      if (e.row_bias != nullptr) part.row_bias += i;
      if (e.base != nullptr) part.base += i * e.base_row + j;
      gemm_direct<T>(m - i < rows ? m - i : rows, n - j < cols ? n - j : cols, k, {a.data + i * a.row, a.row, a.col},
                     {b.data + j * b.col, b.row, b.col}, c + i * ldc + j, ldc, part);
    }
  }
};

// Blocks: kc rows of a panel of B fill most of the first-level cache, a task's part of A and B the second level, the
// whole of a packed block the third.
inline constexpr std::int64_t block_k = 256, block_n = 4096, block_m = 224 * tile_rows;
inline constexpr std::int64_t task_panels = 8;

// One packed block, (m x k) (k x n) at (i, j, p) of the whole product.
template <class S, class T>
struct Block {
  Operand<S> a, b;
  std::int64_t m, n, k;
  T *packed_a, *packed_b;
  T* c;
  std::int64_t ldc;
  Epilogue<T> end;

  std::int64_t a_stride() const { return k * tile_rows + 64; }
  std::int64_t b_stride() const { return k * tile_cols<T>; }
  std::int64_t a_panels() const { return (m + tile_rows - 1) / tile_rows; }
  std::int64_t b_panels() const { return (n + tile_cols<T> - 1) / tile_cols<T>; }
};

template <class S, class T>
struct PackA {
  const Block<S, T>& x;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t rows = x.m - i * tile_rows;
      pack<tile_rows, S, T>(x.packed_a + i * x.a_stride(), x.a.data + i * tile_rows * x.a.row, x.a.row, x.a.col,
                            static_cast<int>(rows < tile_rows ? rows : tile_rows), x.k);
    }
  }
};

template <class S, class T>
struct PackB {
  const Block<S, T>& x;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    constexpr int W = Simd<T>::width, R = tile_cols<T>;
    for (std::int64_t j = begin; j < end; ++j) {
      const int cols = static_cast<int>(x.n - j * R < R ? x.n - j * R : R);
      (cols > W ? pack<R, S, T> : pack<W, S, T>)(x.packed_b + j * x.b_stride(), x.b.data + j * R * x.b.col, x.b.col,
                                                 x.b.row, cols, x.k);
    }
  }
};

template <class S, class T>
struct Multiply {
  const Block<S, T>& x;
  std::int64_t tasks_m;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t i0 = task % tasks_m * task_panels, j0 = task / tasks_m * task_panels;
      const std::int64_t i1 = i0 + task_panels < x.a_panels() ? i0 + task_panels : x.a_panels();
      const std::int64_t j1 = j0 + task_panels < x.b_panels() ? j0 + task_panels : x.b_panels();
      for (std::int64_t j = j0; j < j1; ++j) {
        for (std::int64_t i = i0; i < i1; ++i) one(i, j);
      }
    }
  }
  void one(std::int64_t i, std::int64_t j) const {
    constexpr int W = Simd<T>::width, R = tile_cols<T>;
    const std::int64_t row = i * tile_rows, column = j * R;
    const int cols = static_cast<int>(x.n - column < R ? x.n - column : R);
    Tile<T> t{x.packed_a + i * x.a_stride(),
              1,
              tile_rows,
              x.packed_b + j * x.b_stride(),
              cols > W ? R : W,
              x.k,
              x.c + row * x.ldc + column,
              x.ldc,
              static_cast<int>(x.m - row < tile_rows ? x.m - row : tile_rows),
              cols,
              x.end};
    if (x.end.bias != nullptr) t.end.bias = x.end.bias + column;
    if (x.end.row_bias != nullptr) t.end.row_bias = x.end.row_bias + row;
    if (x.end.base != nullptr) t.end.base = x.end.base + row * x.end.base_row + column;
    run_tile(t);
  }
};

// Every element of C receives its blocks of k in the same order, whatever the number of threads. Biases and base are
// added with the last block, so that base + A B is the same bits here and in a separate addition.
template <class S, class T>
void gemm_blocked(std::int64_t m, std::int64_t n, std::int64_t k, Operand<S> a, Operand<S> b, T* c, std::int64_t ldc,
                  const Epilogue<T>& e) {
  const std::int64_t blocks_k = (k + block_k - 1) / block_k;
  for (std::int64_t j = 0; j < n; j += block_n) {
    for (std::int64_t i = 0; i < m; i += block_m) {
      for (std::int64_t q = 0, p = 0; q < blocks_k; ++q) {
        Block<S, T> x{};
        x.m = m - i < block_m ? m - i : block_m;
        x.n = n - j < block_n ? n - j : block_n;
        x.k = (k - p) / (blocks_k - q);
        x.a = {a.data + i * a.row + p * a.col, a.row, a.col};
        x.b = {b.data + p * b.row + j * b.col, b.row, b.col};
        x.c = c + i * ldc + j;
        x.ldc = ldc;
        if (q == blocks_k - 1) {
          x.end = e;
          if (e.bias != nullptr) x.end.bias += j;
          if (e.row_bias != nullptr) x.end.row_bias += i;
          if (e.base != nullptr) x.end.base += i * e.base_row + j;
        }
        x.end.accumulate = q > 0 || e.accumulate;
        x.packed_a = scratch<T>(Scratch::panel_a, x.a_panels() * x.a_stride());
        x.packed_b = scratch<T>(Scratch::panel_b, x.b_panels() * x.b_stride());
        const std::int64_t tasks_m = (x.a_panels() + task_panels - 1) / task_panels;
        const std::int64_t tasks_n = (x.b_panels() + task_panels - 1) / task_panels;
        parallel_for(x.b_panels(), task_panels, PackB<S, T>{x});
        parallel_for(x.a_panels(), task_panels, PackA<S, T>{x});
        parallel_for(tasks_m * tasks_n, 1, Multiply<S, T>{x, tasks_m});
        p += x.k;
      }
    }
  }
}

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
          const Epilogue<T>& e) {
  if (gemm_dot(m, n, k, a, b, c, ldc, e)) return;
  constexpr std::int64_t most = 8 * tile_rows, few = std::int64_t{1} << 20;  // rows read in place; work of a task
  const std::int64_t work = m * n * k;
  if (work <= 128 * 128 * 128 || ((m <= most || n <= tile_cols<T>)&&k <= 4096)) {
    const std::int64_t rows = m < most ? m : most, fit = few / (rows * k + 1) / tile_cols<T> * tile_cols<T>;
    const std::int64_t cols = fit > tile_cols<T> ? fit : tile_cols<T>;
    if (work <= few) return gemm_direct(m, n, k, a, b, c, ldc, e);
    return parallel_for((m + rows - 1) / rows * ((n + cols - 1) / cols), few / (rows * cols * k + 1) + 1,
                        DirectTasks<T>{m, n, k, rows, cols, a, b, c, ldc, e});
  }
  gemm_blocked<T, T>(m, n, k, a, b, c, ldc, e);
}

// From operands of another type, which are converted as they are packed.
template <class S, class T>
void gemm_converted(std::int64_t m, std::int64_t n, std::int64_t k, Operand<S> a, Operand<S> b, T* c) {
  if (k > 0) return gemm_blocked<S, T>(m, n, k, a, b, c, n, {});
  for (std::int64_t i = 0; i < m * n; ++i) c[i] = T(0);
}
