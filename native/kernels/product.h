// Products of whole matrices in bfloat16, by all threads: the right factor is laid out in panels that tile.h reads from beginning to
// end, the left one is read where it lies, or laid out in blocks where it is read across its rows. Included last, as lanes.h is.
#pragma once

#include <ATen/Parallel.h>

#include <functional>
#include <memory>
#include <vector>

#include "tile.h"

namespace lacuna::kernels {

/** Room for a right factor: panels of up to 64 columns, each [depth, its width] units, one behind the other. */
struct Panels {
  Panels(int64_t rows, int64_t columns) : depth((rows + 1) / 2), width(columns), units(new Unit[depth * columns]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;

  int64_t widthAt(int64_t column) const { return std::min(kPanel, width - column); }
  Matrix<const Unit> at(int64_t column) const { return {units.get() + column * depth, widthAt(column)}; }
  Unit* row(int64_t k, int64_t column) { return units.get() + column * depth + k * widthAt(column); }
};

/** Work in equal parts, of which each thread takes its share: body(thread, begin, end). */
struct Job {
  int64_t count;
  std::function<void(int64_t, int64_t, int64_t)> body;
};

/** Jobs that need nothing of one another, by all threads, which wait for one another once, at the end. */
inline void run(std::initializer_list<Job> jobs) {
  const int64_t threads = at::get_num_threads();
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (const Job& job : jobs) job.body(t, job.count * t / threads, job.count * (t + 1) / threads);
  });
}

/** rows [K, N] that follow one another along the summed index -> panels [K, N]; an odd last one stands beside zeros */
template <typename T>
Job pairing(const T* from, int64_t rows, Panels& to) {
  return {to.depth, [=, &to](int64_t, int64_t begin, int64_t end) {
    const int64_t columns = to.width;
    for (int64_t k = begin; k < end; ++k) {
      const T *first = from + 2 * k * columns, *second = 2 * k + 1 < rows ? first + columns : nullptr;
      for (int64_t p = 0; p < columns; p += kPanel) {
        Unit* line = to.row(k, p);
        for (int64_t c = 0; c < to.widthAt(p); c += kLanes)
          _mm512_storeu_si512(line + c, pairOf(first + p + c, second == nullptr ? nullptr : second + p + c));
      }
    }
  }};
}

/** Sixteen units of a row of float32. */
inline __m512i narrowed(const float* row, int64_t count) {
  const __m512 low = _mm512_maskz_loadu_ps(firstLanes(count), row), high = _mm512_maskz_loadu_ps(firstLanes(std::max<int64_t>(0, count - kLanes)), row + kLanes);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

/** weight [N, K] float32, whose rows run along the summed index -> panels [K, N] */
inline Job transposing(const float* from, int64_t rows, Panels& to) {
  return {to.width / kLanes, [=, &to](int64_t, int64_t begin, int64_t end) {
    for (int64_t n = begin * kLanes; n < end * kLanes; n += kLanes) {
      for (int64_t k = 0; k < to.depth; k += kLanes) {
        __m512i block[16];
#pragma GCC unroll 16
        for (int64_t r = 0; r < 16; ++r) block[r] = narrowed(from + (n + r) * rows + 2 * k, rows - 2 * k);
        mirror(block);
        const int64_t start = n / kPanel * kPanel;
        for (int64_t r = 0; r < std::min(kLanes, to.depth - k); ++r) _mm512_storeu_si512(to.row(k + r, start) + n - start, block[r]);
      }
    }
  }};
}

/** Rows of a left factor that stay in a core's cache while the panels pass. */
inline int64_t rowsInCache(int64_t depth) { return std::max<int64_t>(8, 65536 / std::max<int64_t>(1, depth) / kRows) * kRows; }

/** left [M, K] bfloat16 x panels [K, N] (+ bias [N]) -> result [M, N] bfloat16 */
inline Job multiplying(const BFloat16* left, int64_t rows, const Panels& right, const float* bias, BFloat16* result) {
  return {(rows + kRows - 1) / kRows, [=, &right](int64_t, int64_t begin, int64_t end) {
    const auto* units = reinterpret_cast<const Unit*>(left);
    const int64_t some = rowsInCache(right.depth);
    for (int64_t i = begin * kRows; i < std::min(rows, end * kRows); i += some) {
      const int64_t count = std::min({some, rows - i, end * kRows - i});
      for (int64_t p = 0; p < right.width; p += kPanel) {
        const auto keep = [&](int64_t r, int64_t c, __m512 sum) {
          if (bias != nullptr) sum = _mm512_add_ps(sum, load(bias + p + c));
          store(result + (i + r) * right.width + p + c, sum);
        };
        panel<BFloat16>(count, right.widthAt(p), {units + i * right.depth, right.depth, 1}, right.at(p), right.depth, keep);
      }
    }
  }};
}

/** A left factor read across its rows: blocks of six columns of g [K, M], each [depth, 6] units. */
struct Blocks {
  Blocks(int64_t rows, int64_t columns) : depth((rows + 1) / 2), width(columns), units(new Unit[depth * ((columns + kRows - 1) / kRows) * kRows + kLanes]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;
  Unit* row(int64_t k, int64_t column) { return units.get() + column * depth + k * kRows; }
  Left at(int64_t column) const { return {units.get() + column * depth, 1, kRows}; }
};

/** What each thread adds up of its rows. */
using Parts = std::vector<std::vector<float>>;

/** gradient [K, M] -> blocks, and sums of its rows */
inline Job blocking(const BFloat16* from, int64_t rows, Blocks& blocks, Parts& parts) {
  parts.resize(at::get_num_threads());
  return {blocks.depth, [=, &blocks, &parts](int64_t thread, int64_t begin, int64_t end) {
    const int64_t columns = blocks.width;
    std::vector<float> part(columns, 0.0f);
    std::vector<Unit> line(columns + kLanes);
    for (int64_t k = begin; k < end; ++k) {
      const BFloat16 *first = from + 2 * k * columns, *second = 2 * k + 1 < rows ? first + columns : nullptr;
      for (int64_t c = 0; c < columns; c += kLanes) {
        __m512 sum = _mm512_add_ps(load(part.data() + c), load(first + c));
        if (second != nullptr) sum = _mm512_add_ps(sum, load(second + c));
        store(part.data() + c, sum);
        _mm512_storeu_si512(line.data() + c, pairOf(first + c, second == nullptr ? nullptr : second + c));
      }
      for (int64_t c = 0; c < columns; c += kRows) std::memcpy(blocks.row(k, c), line.data() + c, kRows * sizeof(Unit));
    }
    parts[thread] = std::move(part);
  }};
}

/** In the order of the threads, so that a run repeats to the bit. */
inline void addUp(const Parts& parts, int64_t columns, float* to) {
  std::fill(to, to + columns, 0.0f);
  for (const auto& part : parts)
    for (int64_t c = 0; c < columns; c += kLanes) store(to + c, _mm512_add_ps(load(to + c), load(part.data() + c)));
}

/** left [M, K], a matrix read across its rows, x panels [K, N] -> result [M, N] float32 */
inline Job multiplying(const Blocks& left, const Panels& right, float* result) {
  return {(left.width + kRows - 1) / kRows, [=, &left, &right](int64_t, int64_t begin, int64_t end) {
    const int64_t first = begin * kRows, count = std::min(left.width, end * kRows) - first;
    for (int64_t p = 0; p < right.width; p += kPanel) {
      for (int64_t i = 0; i < count; i += kRows) {
        const auto keep = [&](int64_t r, int64_t c, __m512 sum) { store(result + (first + i + r) * right.width + p + c, sum); };
        panel<BFloat16>(std::min<int64_t>(kRows, count - i), right.widthAt(p), left.at(first + i), right.at(p), right.depth, keep);
      }
    }
  }};
}

}  // namespace lacuna::kernels
