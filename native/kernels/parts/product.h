// Products of whole matrices by all threads: the right factor is laid out in panels that tile.h reads from beginning to end, the left
// one is read where it lies, or laid out in blocks where it is read across its rows. T is the type that is multiplied, float32 or
// bfloat16; sums are float32. Included last, as lanes.h is.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "jobs.h"
#include "tile.h"

namespace lacuna::kernels::LANES {

/** Units of so many numbers along the summed index. */
template <typename T>
constexpr int64_t unitsOf(int64_t count) { return (count + kPack<T> - 1) / kPack<T>; }

/**
 * Units of the summed index that are added up at once. float32 adds what a longer one leaves to what is stored: the factors stay in
 * the caches, and its rounding does not grow with the length. A result in bfloat16 would be rounded each time.
 */
template <typename T>
constexpr int64_t kStretch = std::is_same_v<T, float> ? 256 : std::numeric_limits<int64_t>::max();

/** each(begin, count) of the stretches of a summed index */
template <typename T, typename F>
inline void eachStretch(int64_t depth, F each) {
  for (int64_t k = 0; k < depth; k += std::min(depth, kStretch<T>)) each(k, std::min(depth - k, kStretch<T>));
}

/** Room for a right factor: panels of up to 64 columns, each [depth, its width] units, one behind the other. */
template <typename T>
struct Panels {
  Panels(int64_t rows, int64_t columns) : depth(unitsOf<T>(rows)), width(columns), units(new Unit[depth * columns]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;

  int64_t widthAt(int64_t column) const { return std::min(kPanel, width - column); }
  Matrix<const Unit> at(int64_t k, int64_t column) const { return {row(k, column), widthAt(column)}; }
  Unit* row(int64_t k, int64_t column) const { return units.get() + column * depth + k * widthAt(column); }
};

/** The rows that unit k of the summed index is made of; of an odd last pair there is no second. */
template <typename From>
struct Rows {
  const From *first, *second;
};
template <typename T, typename From>
inline Rows<From> rowsAt(int64_t k, const From* from, int64_t rows, int64_t columns) {
  const From* first = from + k * kPack<T> * columns;
  return {first, k * kPack<T> + 1 < std::min(rows, (k + 1) * kPack<T>) ? first + columns : nullptr};
}

/** Sixteen units of them. */
template <typename T, typename From>
inline Units unitsAt(const Rows<From>& rows, int64_t column) {
  if constexpr (std::is_same_v<T, float>) return asUnits(load(rows.first + column));
  else return pairOf(rows.first + column, rows.second == nullptr ? nullptr : rows.second + column);
}

/** rows [K, N] that follow one another along the summed index -> panels [K, N] */
template <typename T, typename From>
Job laying(const From* from, int64_t rows, Panels<T>& to) {
  return {to.depth, [=, &to](int64_t, int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const Rows<From> of = rowsAt<T>(k, from, rows, to.width);
      for (int64_t p = 0; p < to.width; p += kPanel) {
        Unit* line = to.row(k, p);
        for (int64_t c = 0; c < to.widthAt(p); c += kLanes) store(line + c, unitsAt<T>(of, p + c));
      }
    }
  }};
}

/** Sixteen units of a row of `count` numbers, zeros beyond. */
template <typename T>
inline Units unitsAlong(const float* row, int64_t count) {
  if constexpr (std::is_same_v<T, float>) return asUnits(loadSome(firstLanes(count), row));
  else return pairsAlong(row, count, T());
}

/** weight [N, K] float32, whose rows run along the summed index -> panels [K, N] */
template <typename T>
Job transposing(const float* from, int64_t rows, Panels<T>& to) {
  return {to.width / kLanes, [=, &to](int64_t, int64_t begin, int64_t end) {
    for (int64_t n = begin * kLanes; n < end * kLanes; n += kLanes) {
      for (int64_t k = 0; k < to.depth; k += kLanes) {
        Units block[16];
#pragma GCC unroll 16
        for (int64_t r = 0; r < 16; ++r) block[r] = unitsAlong<T>(from + (n + r) * rows + kPack<T> * k, rows - kPack<T> * k);
        mirror(block);
        const int64_t start = n / kPanel * kPanel;
        for (int64_t r = 0; r < std::min(kLanes, to.depth - k); ++r) store(to.row(k + r, start) + n - start, block[r]);
      }
    }
  }};
}

/** Rows of a left factor that stay in a core's cache while the panels pass. */
inline int64_t rowsInCache(int64_t depth) { return std::max<int64_t>(8, 65536 / std::max<int64_t>(1, depth) / kRows) * kRows; }

/** Takes sixteen sums of a stretch that begins at unit k. */
inline void keepSums(int64_t k, float* to, Floats sum) { store(to, k == 0 ? sum : sum + load(to)); }
inline void keepSums(int64_t, BFloat16* to, Floats sum) { store(to, sum); }

/** left [M, K] x panels [K, N] (+ bias [N]) -> result [M, N] */
template <typename T>
Job multiplying(const T* left, int64_t rows, const Panels<T>& right, const float* bias, T* result) {
  return {(rows + kRows - 1) / kRows, [=, &right](int64_t, int64_t begin, int64_t end) {
    const auto* units = reinterpret_cast<const Unit*>(left);
    const int64_t some = rowsInCache(std::min(right.depth, kStretch<T>));
    for (int64_t i = begin * kRows; i < std::min(rows, end * kRows); i += some) {
      const int64_t count = std::min({some, rows - i, end * kRows - i});
      eachStretch<T>(right.depth, [&](int64_t k, int64_t depth) {
        for (int64_t p = 0; p < right.width; p += kPanel) {
          const auto keep = [&](int64_t r, int64_t c, Floats sum) {
            if (bias != nullptr && k == 0) sum = sum + load(bias + p + c);
            keepSums(k, result + (i + r) * right.width + p + c, sum);
          };
          panel<T>(count, right.widthAt(p), {units + i * right.depth + k, right.depth, 1}, right.at(k, p), depth, keep);
        }
      });
    }
  }};
}

/** A left factor read across its rows: blocks of six columns of g [K, M], each [depth, 6] units. */
template <typename T>
struct Blocks {
  Blocks(int64_t rows, int64_t columns) : depth(unitsOf<T>(rows)), width(columns), units(new Unit[depth * ((columns + kRows - 1) / kRows) * kRows + kLanes]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;
  Unit* row(int64_t k, int64_t column) const { return units.get() + column * depth + k * kRows; }
  Left at(int64_t k, int64_t column) const { return {row(k, column), 1, kRows}; }
};

/** What each thread adds up of its rows. */
using Parts = std::vector<std::vector<float>>;

/** So many rows are added up before their sum joins the whole: a long sum in one go would be rounded ten times as badly as libtorch's. */
constexpr int64_t kFewRows = 64;

/** gradient [K, M] -> blocks, and sums of its rows */
template <typename T>
Job blocking(const T* from, int64_t rows, Blocks<T>& blocks, Parts& parts) {
  parts.resize(at::get_num_threads());
  return {blocks.depth, [=, &blocks, &parts](int64_t thread, int64_t begin, int64_t end) {
    const int64_t columns = blocks.width;
    std::vector<float> part(columns, 0.0f), whole(columns, 0.0f);
    std::vector<Unit> line(columns + kLanes);
    for (int64_t k = begin; k < end; ++k) {
      const Rows<T> of = rowsAt<T>(k, from, rows, columns);
      for (int64_t c = 0; c < columns; c += kLanes) {
        Floats sum = load(part.data() + c) + load(of.first + c);
        if (of.second != nullptr) sum = sum + load(of.second + c);
        store(part.data() + c, sum);
        store(line.data() + c, unitsAt<T>(of, c));
      }
      for (int64_t c = 0; c < columns; c += kRows) std::memcpy(blocks.row(k, c), line.data() + c, kRows * sizeof(Unit));
      if (k % kFewRows != kFewRows - 1 && k + 1 < end) continue;
      addRow(part.data(), whole.data(), columns);
      std::fill(part.begin(), part.end(), 0.0f);
    }
    parts[thread] = std::move(whole);
  }};
}

/** In the order of the threads, so that a run repeats to the bit. */
inline void addUp(const Parts& parts, int64_t columns, float* to) {
  std::fill(to, to + columns, 0.0f);
  for (const auto& part : parts) addRow(part.data(), to, columns);
}

/** left [M, K], a matrix read across its rows, x panels [K, N] -> result [M, N] float32 */
template <typename T>
Job multiplying(const Blocks<T>& left, const Panels<T>& right, float* result) {
  return {(left.width + kRows - 1) / kRows, [=, &left, &right](int64_t, int64_t begin, int64_t end) {
    const int64_t first = begin * kRows, count = std::min(left.width, end * kRows) - first;
    eachStretch<T>(right.depth, [&](int64_t k, int64_t depth) {
      for (int64_t p = 0; p < right.width; p += kPanel) {
        for (int64_t i = 0; i < count; i += kRows) {
          const auto keep = [&](int64_t r, int64_t c, Floats sum) { keepSums(k, result + (first + i + r) * right.width + p + c, sum); };
          panel<T>(std::min<int64_t>(kRows, count - i), right.widthAt(p), left.at(k, first + i), right.at(k, p), depth, keep);
        }
      }
    });
  }};
}

}  // namespace lacuna::kernels::LANES
