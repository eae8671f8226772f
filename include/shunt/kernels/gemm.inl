// The matrix product's loops for one instruction set; what cuts the work for them is gemm_driver.hpp.
#include "shunt/kernels/gemm_few.inl"

// One panel of columns against all rows.
template <class T, class Product = ByLanes>
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
    if (t.upcoming != nullptr && asks_ahead(t.rows)) t.asked = t.upcoming->take(t.k).first;
    run_tile<T, Product>(t);
  }
}

template <class S, class T>
inline constexpr GemmLoops<S, T> gemm_loops = {Simd<T>::width, tile_rows, run_tile<T>, multiply_panel<T>, pack<S, T>};
#if SHUNT_ISA_BYTES == 64
template <class S, class T>
inline constexpr GemmLoops<S, T> gemm_pair_loops = {Simd<T>::width, tile_rows, run_tile<T, ByPairs>,
                                                    multiply_panel<T, ByPairs>, pack_pairs<S, T>};
#endif
