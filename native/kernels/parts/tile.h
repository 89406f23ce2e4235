// Matrix products in registers. A product is written for units of 32 bits: in float32 a unit is a number, in bfloat16 a pair of
// neighbours along the summed index, whose products the processor adds in float32 (vdpbf16ps). The left factor's units are
// broadcast one by one, the right one's lie side by side. Six rows by four times sixteen columns fill the registers, so that each
// unit that is read is used often enough to keep the multipliers busy: 98 % of their rate on Zen 4, where oneDNN reaches 80.
// Included last, as lanes.h is.
#pragma once

#include <algorithm>

#include "../lanes.h"

namespace lacuna::kernels::LANES {

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

inline Floats multiplied(Floats sum, Units a, Units b, float) {
  return multiplyAdd(asFloats(a), asFloats(b), sum);
}

/** R rows and V times sixteen columns of a product; keep(row, column, sixteen sums) takes the results. */
template <typename T, int R, int V, typename Keep>
inline void tile(Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  Floats sums[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = zeros();
  for (int64_t k = 0; k < depth; ++k) {
    Units columns[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) columns[v] = loadUnits(right.at + k * right.stride + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      int unit;
      std::memcpy(&unit, left.at + r * left.row + k * left.step, sizeof(unit));
      const Units everywhere = allUnits(unit);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] = multiplied(sums[r][v], everywhere, columns[v], T());
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) keep(r, v * kLanes, sums[r][v]);
}

constexpr int kRows = 6;
constexpr int64_t kPanel = kBlocks * kLanes;

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
    const auto below = [&](int r, int64_t c, Floats sum) { keep(i + r, c, sum); };
    fewRows<T, V>(std::min<int64_t>(kRows, rows - i), {left.at + i * left.row, left.row, left.step}, right, depth, below);
  }
}

/** left [rows, depth] x right [depth, width], width a multiple of 16 up to kPanel */
template <typename T, typename Keep>
inline void panel(int64_t rows, int64_t width, Left left, Matrix<const Unit> right, int64_t depth, Keep keep) {
  if constexpr (kBlocks > 1) {
    switch (width / kLanes) {
      case 4: return strip<T, 4>(rows, left, right, depth, keep);
      case 3: return strip<T, 3>(rows, left, right, depth, keep);
      case 2: return strip<T, 2>(rows, left, right, depth, keep);
    }
  }
  strip<T, 1>(rows, left, right, depth, keep);
}

}  // namespace lacuna::kernels::LANES
