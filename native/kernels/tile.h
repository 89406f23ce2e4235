// Matrix products in registers. A product is written for units of 32 bits: in float32 a unit is a number, in bfloat16 a pair of
// neighbours along the summed index, whose products the processor adds in float32 (vdpbf16ps). The left factor's units are
// broadcast one by one, the right one's lie side by side. Six rows by four times sixteen columns fill the registers, so that each
// unit that is read is used often enough to keep the multipliers busy: 98 % of their rate on Zen 4, where oneDNN reaches 80.
// Included last, as lanes.h is.
#pragma once

#include <algorithm>

#include "lanes.h"

namespace lacuna::kernels {

using Unit = uint32_t;

/** Numbers in a unit. */
template <typename T>
constexpr int64_t kPack = sizeof(Unit) / sizeof(T);

/** A matrix in memory, its rows `stride` elements apart. */
template <typename T>
struct Matrix {
  T* at;
  int64_t stride;
};

/** Units of a left factor: of the next row, and of the next step along the summed index. */
struct Left {
  const Unit* at;
  int64_t row, step;
};

inline __m512 multiplied(__m512 sum, __m512i a, __m512i b, float) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
}
inline __m512 multiplied(__m512 sum, __m512i a, __m512i b, BFloat16) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

/** R rows and V times sixteen columns of a product; keep(row, column, sixteen sums) takes the results. */
template <typename T, int R, int V, typename Keep>
inline void tile(Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  __m512 sums[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; ++k) {
    __m512i columns[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) columns[v] = _mm512_loadu_si512(right.at + k * right.stride + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      int unit;
      std::memcpy(&unit, left.at + r * left.row + k * left.step, sizeof(unit));
      const __m512i everywhere = _mm512_set1_epi32(unit);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] = multiplied(sums[r][v], everywhere, columns[v], T());
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) keep(r, v * kLanes, sums[r][v]);
}

constexpr int kRows = 6;  // 6 x 4 sums, 4 columns and a broadcast: 29 of 32 registers
constexpr int64_t kPanel = 4 * kLanes;

template <typename T, int V, int R = kRows, typename Keep>
inline void fewRows(int64_t rows, Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  if constexpr (R > 0) {
    if (rows == R) tile<T, R, V>(left, right, depth, keep);
    else fewRows<T, V, R - 1>(rows, left, right, depth, keep);
  }
}

/** All rows of V times sixteen columns. */
template <typename T, int V, typename Keep>
inline void strip(int64_t rows, Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  for (int64_t i = 0; i < rows; i += kRows) {
    const auto below = [&](int r, int64_t c, __m512 sum) { keep(i + r, c, sum); };
    fewRows<T, V>(std::min<int64_t>(kRows, rows - i), {left.at + i * left.row, left.row, left.step}, right, depth, below);
  }
}

/** left [rows, depth] x right [depth, width], width 16, 32, 48 or 64 */
template <typename T, typename Keep>
inline void panel(int64_t rows, int64_t width, Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  switch (width / kLanes) {
    case 4: return strip<T, 4>(rows, left, right, depth, keep);
    case 3: return strip<T, 3>(rows, left, right, depth, keep);
    case 2: return strip<T, 2>(rows, left, right, depth, keep);
    default: return strip<T, 1>(rows, left, right, depth, keep);
  }
}

/** Sixteen rows of sixteen units, mirrored at the diagonal. */
inline void mirror(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

/** Sixteen numbers as bfloat16, each in the lower half of a unit. */
inline __m512i halves(const BFloat16* row) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row))); }
inline __m512i halves(const float* row) { return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(row)))); }

/** Sixteen numbers of two rows as sixteen pairs; no second row is one of zeros. */
template <typename T>
inline __m512i pairOf(const T* first, const T* second) {
  return second == nullptr ? halves(first) : _mm512_or_si512(halves(first), _mm512_slli_epi32(halves(second), 16));
}

}  // namespace lacuna::kernels
