// How a product of floats or doubles is cut into what the register tiles take: small ones straight from the operands,
// large ones from packed blocks. Compiled once for all instruction sets.
#pragma once

#include <algorithm>

#include "shunt/kernels/gemm_few.hpp"

namespace shunt::kernels::detail {

/// A is read where it lies, and B where its rows are contiguous; one panel of B is packed otherwise.
template <class T>
void gemm_direct(const GemmLoops<T, T>& loops, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a,
                 Operand<T> b, T* c, std::int64_t ldc, const Epilogue<T>& e, Upcoming upcoming) {
  const int W = loops.width, R = loops.cols();
  const std::int64_t many = std::int64_t{1} << 20, spread = k * b.row;
  const bool far = spread * static_cast<std::int64_t>(sizeof(T)) > many;
  const bool evicts = m > loops.rows && spread > many;  // rows of B would evict each other
  for (std::int64_t j = 0; j < n; j += R) {
    const int cols = static_cast<int>(std::min<std::int64_t>(n - j, R)), width = cols > W ? R : W;
    const T* panel = b.data + j * b.col;
    std::int64_t ldb = b.row;
    const bool packs = b.col != 1 || cols != width || evicts;
    if (packs) {
      T* packed = scratch<T>(Scratch::panel_b, k * R + W);
      loops.pack(packed, width, panel, b.col, b.row, cols, k);
      panel = packed;
      ldb = width;
    }
    Tile<T> tile{a.data, a.row, a.col, panel, ldb, k, c + j, ldc, 0, cols, e.at(0, j)};
    tile.far = far && !packs;
    tile.upcoming = &upcoming;
    loops.multiply_panel(m, tile);
  }
}

/// Tasks are parts of C, `rows` x `cols` each.
template <class T>
struct DirectTasks {
  const GemmLoops<T, T>& loops;
  std::int64_t m, n, k, rows, cols;
  Operand<T> a, b;
  T* c;
  std::int64_t ldc;
  const Epilogue<T>& e;
  const Upcoming& upcoming;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t across = (n + cols - 1) / cols, tasks = across * ((m + rows - 1) / rows);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t i = task / across * rows, j = task % across * cols;
      gemm_direct<T>(loops, std::min(m - i, rows), std::min(n - j, cols), k, {a.data + i * a.row, a.row, a.col},
                     {b.data + j * b.col, b.row, b.col}, c + i * ldc + j, ldc, e.at(i, j), upcoming.part(task, tasks));
    }
  }
};

// Blocks: a task's part of A and B fills most of the second-level cache, a packed block the third. Deep ones, since
// each reads and writes C again, which costs more than panels of B beyond the first level.
inline constexpr std::int64_t block_k = 512, block_n = 4096, block_panels = 224;

/// One packed block, (m x k) (k x n) at some (i, j, p) of the whole product.
template <class S, class T>
struct Block {
  const GemmLoops<S, T>& loops;
  Operand<S> a, b;
  std::int64_t m, n, k;
  T* c;
  std::int64_t ldc;
  Epilogue<T> end;
  const Keeping& packing;
  T* packed_b = nullptr;
  std::int64_t task_panels = 8;  ///< On each side of a task.

  std::int64_t a_stride() const { return k * loops.rows + 64; }
  std::int64_t b_stride() const { return k * loops.cols(); }
  int panel_width(std::int64_t cols) const { return cols > loops.width ? loops.cols() : loops.width; }
  std::int64_t a_panels() const { return (m + loops.rows - 1) / loops.rows; }
  std::int64_t b_panels() const { return (n + loops.cols() - 1) / loops.cols(); }
  std::int64_t squares(std::int64_t panels) const { return (panels + task_panels - 1) / task_panels; }

  void pack_a(std::int64_t begin, std::int64_t last, T* to) const {
    for (std::int64_t i = begin; i < last; ++i, to += a_stride()) {
      const std::int64_t row = i * loops.rows, rows = std::min<std::int64_t>(m - row, loops.rows);
      loops.pack(to, loops.rows, a.data + row * a.row, a.row, a.col, static_cast<int>(rows), k);
    }
  }
  [[gnu::noinline]] void pack_b(std::int64_t begin, std::int64_t last) const {
    for (std::int64_t j = begin; j < last; ++j) {
      const std::int64_t col = j * loops.cols(), cols = std::min<std::int64_t>(n - col, loops.cols());
      loops.pack(packed_b + j * b_stride(), panel_width(cols), b.data + col * b.col, b.col, b.row,
                 static_cast<int>(cols), k);
    }
  }
  /// Tasks are squares of panels, side by side: a thread packs the rows that its tasks share for itself.
  [[gnu::noinline]] void multiply(std::int64_t begin, std::int64_t last) const {
    T* const packed_a = scratch<T>(Scratch::panel_a, task_panels * a_stride());
    const std::int64_t tasks_n = squares(b_panels());
    for (std::int64_t task = begin; task < last; ++task) {
      const std::int64_t i0 = task / tasks_n * task_panels, i1 = std::min(i0 + task_panels, a_panels());
      const std::int64_t j0 = task % tasks_n * task_panels, j1 = std::min(j0 + task_panels, b_panels());
      if (!packing.keeps(i0)) pack_a(i0, i1, packed_a);
      for (std::int64_t j = j0; j < j1; ++j) {
        for (std::int64_t i = i0; i < i1; ++i) multiply_one(packed_a + (i - i0) * a_stride(), i, j);
      }
    }
  }
  void multiply_one(const T* panel_a, std::int64_t i, std::int64_t j) const {
    const std::int64_t row = i * loops.rows, col = j * loops.cols();
    const int rows = static_cast<int>(std::min<std::int64_t>(m - row, loops.rows));
    const int cols = static_cast<int>(std::min<std::int64_t>(n - col, loops.cols()));
    loops.multiply_tile({panel_a, 1, loops.rows, packed_b + j * b_stride(), panel_width(cols), k, c + row * ldc + col,
                         ldc, rows, cols, end.at(row, col)});
  }

  void run() {
    packed_b = scratch<T>(Scratch::panel_b, b_panels() * b_stride());
    while (task_panels > 2 && squares(a_panels()) * squares(b_panels()) < 16) task_panels /= 2;
    parallel_for(b_panels(), task_panels, [this](std::int64_t first, std::int64_t last) { pack_b(first, last); });
    parallel_for(squares(a_panels()) * squares(b_panels()), 1,
                 [this](std::int64_t first, std::int64_t last) { multiply(first, last); });
  }
};

/// Every element of C receives its blocks of k in the same order, whatever the number of threads. Biases and base are
/// added with the last block, so that base + A B is the same bits here and in a separate addition.
template <class S, class T>
void gemm_blocked(const GemmLoops<S, T>& loops, std::int64_t m, std::int64_t n, std::int64_t k, Operand<S> a,
                  Operand<S> b, T* c, std::int64_t ldc, const Epilogue<T>& e) {
  const std::int64_t blocks_k = (k + block_k - 1) / block_k, block_m = block_panels * loops.rows;
  for (std::int64_t j = 0; j < n; j += block_n) {
    for (std::int64_t i = 0; i < m; i += block_m) {
      for (std::int64_t q = 0, p = 0; q < blocks_k; ++q) {
        const std::int64_t depth = (k - p) / (blocks_k - q);
        const Keeping packing;
        Block<S, T> block{loops,
                          {a.data + i * a.row + p * a.col, a.row, a.col},
                          {b.data + p * b.row + j * b.col, b.row, b.col},
                          std::min(m - i, block_m),
                          std::min(n - j, block_n),
                          depth,
                          c + i * ldc + j,
                          ldc,
                          q == blocks_k - 1 ? e.at(i, j) : Epilogue<T>{},
                          packing};
        block.end.accumulate = q > 0 || e.accumulate;
        block.run();
        p += depth;
      }
    }
  }
}

/// The product of floats or doubles.
template <class T>
void gemm_tiled(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
                const Epilogue<T>& e, const Upcoming& upcoming) {
  const GemmLoops<T, T>& loops = gemm_loops<T, T>();
  if (gemm_few(loops.width, m, n, k, a, b, c, ldc, e)) return;
  // Rows read in place; what one thread does alone; a task, small enough that threads end together.
  const std::int64_t most = 8 * loops.rows, few = std::int64_t{1} << 19, task = few / 2;
  const std::int64_t work = m * n * k, R = loops.cols();
  const bool direct = work <= 128 * 128 * 128 || ((m <= most || n <= R) && k <= 4096);
  if (!direct) return gemm_blocked<T, T>(loops, m, n, k, a, b, c, ldc, e);
  if (work <= few) return gemm_direct(loops, m, n, k, a, b, c, ldc, e, upcoming);
  const std::int64_t rows = std::min(m, most), cols = std::max(task / (rows * k + 1) / R * R, R);
  parallel_for((m + rows - 1) / rows * ((n + cols - 1) / cols), task / (rows * cols * k + 1) + 1,
               DirectTasks<T>{loops, m, n, k, rows, cols, a, b, c, ldc, e, upcoming});
}

/// From operands of another type, which are widened as they are read or packed.
template <class S, class T>
void gemm_converted(std::int64_t m, std::int64_t n, std::int64_t k, Operand<S> a, Operand<S> b, T* c) {
  if (k <= 0) return void(std::fill_n(c, m * n, T(0)));
  const GemmLoops<S, T>& loops = gemm_loops<S, T>();
  if (!gemm_few<S, T>(loops.width, m, n, k, a, b, c, n, {})) gemm_blocked<S, T>(loops, m, n, k, a, b, c, n, {});
}

}  // namespace shunt::kernels::detail
