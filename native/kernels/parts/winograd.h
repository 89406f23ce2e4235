// Winograd's F(2 × 2, 3 × 3) ("Fast Algorithms for Convolutional Neural Networks", Lavin and Gray, CVPR 2016, section 4.1): two rows and
// columns of a 3 × 3 convolution's result need sixteen products in place of thirty-six. A map is cut into tiles of 2 × 2 positions;
// what lies under one, 4 × 4 positions, and the weight are brought to sixteen numbers each (Bᵀ d B, G g Gᵀ), whose products are
// matrix products over all tiles, one for each of the sixteen; the result comes back from them (Aᵀ m A). Sums and halves alone
// stand before and behind, so that the result is rounded as well as a plain convolution's. Included last, as lanes.h is.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "../lanes.h"
#include "jobs.h"

namespace lacuna::kernels::LANES {

/** Numbers of a tile in the domain of the products. */
constexpr int kDomain = 16;

/** Maps [B H W C] and their tiles, row by row. */
struct Tiling {
  int64_t pictures, height, width;
  int64_t down() const { return (height + 1) / 2; }
  int64_t across() const { return (width + 1) / 2; }
  int64_t tiles() const { return pictures * down() * across(); }
};

/** Sixteen matrices of one tensor [16 rows columns]. */
struct Domain {
  explicit Domain(const at::Tensor& numbers) : at(numbers.mutable_data_ptr<float>()), rows(numbers.size(1)), columns(numbers.size(2)) {}
  float* at;
  int64_t rows, columns;
  float* of(int k, int64_t row, int64_t column) const { return at + (k * rows + row) * columns + column; }
};

/** each(tile from 0, picture, its first row and column) of the tiles from `first` on */
template <typename F>
inline void eachTile(const Tiling& t, int64_t first, int64_t count, F each) {
  int64_t column = first % t.across(), row = first / t.across() % t.down(), picture = first / t.across() / t.down();
  for (int64_t i = 0; i < count; ++i) {
    each(i, picture, 2 * row, 2 * column);
    if (++column < t.across()) continue;
    column = 0;
    if (++row < t.down()) continue;
    row = 0;
    ++picture;
  }
}

/** Positions of a square of N × N whose first lies at (row, column): where they stand, or zeros outside of the map. */
template <int N, typename T>
inline std::array<std::array<T*, N>, N> squareAt(const Tiling& t, T* map, T* outside, int64_t channels, int64_t picture, int64_t row, int64_t column) {
  std::array<std::array<T*, N>, N> at;
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < N; ++j) {
      const int64_t y = row + i, x = column + j;
      const bool isInside = y >= 0 && y < t.height && x >= 0 && x < t.width;
      at[i][j] = isInside ? map + ((picture * t.height + y) * t.width + x) * channels : outside;
    }
  return at;
}

struct Two {
  Floats at[2];
};
struct Three {
  Floats at[3];
};
struct Four {
  Floats at[4];
};

/** Bᵀ d */
inline Four inputSide(Floats a, Floats b, Floats c, Floats d) { return {a - c, b + c, c - b, b - d}; }
/** A y */
inline Four gradientSide(Floats a, Floats b) { return {a, a + b, a - b, zeros() - b}; }
/** Aᵀ m */
inline Two resultSide(Floats a, Floats b, Floats c, Floats d) { return {a + b + c, b - c - d}; }
/** G g */
inline Four weightSide(Floats a, Floats b, Floats c) {
  const Floats ends = all(0.5f) * (a + c), middle = all(0.5f) * b;
  return {a, ends + middle, ends - middle, c};
}
/** Gᵀ u */
inline Three weightGradientSide(Floats a, Floats b, Floats c, Floats d) {
  const Floats sum = all(0.5f) * (b + c);
  return {a + sum, all(0.5f) * (b - c), sum + d};
}

/** Bᵀ d B of the tiles from `first` on; map [B H W C] -> to [16 tiles C] */
inline void intoDomain(const Tiling& t, const float* map, int64_t first, const Domain& to, const float* nothing) {
  eachTile(t, first, to.rows, [&](int64_t tile, int64_t picture, int64_t row, int64_t column) {
    const auto at = squareAt<4>(t, map, nothing, to.columns, picture, row - 1, column - 1);
    for (int64_t c = 0; c < to.columns; c += kLanes) {
      Four half[4];
      for (int j = 0; j < 4; ++j) half[j] = inputSide(load(at[0][j] + c), load(at[1][j] + c), load(at[2][j] + c), load(at[3][j] + c));
      for (int i = 0; i < 4; ++i) {
        const Four whole = inputSide(half[0].at[i], half[1].at[i], half[2].at[i], half[3].at[i]);
        for (int j = 0; j < 4; ++j) store(to.of(4 * i + j, tile, c), whole.at[j]);
      }
    }
  });
}

/** A y Aᵀ of the tiles from `first` on; gradient [B H W O] of the result -> to [16 tiles O] */
inline void gradientIntoDomain(const Tiling& t, const float* gradient, int64_t first, const Domain& to, const float* nothing) {
  eachTile(t, first, to.rows, [&](int64_t tile, int64_t picture, int64_t row, int64_t column) {
    const auto at = squareAt<2>(t, gradient, nothing, to.columns, picture, row, column);
    for (int64_t o = 0; o < to.columns; o += kLanes) {
      const Four left = gradientSide(load(at[0][0] + o), load(at[1][0] + o)), right = gradientSide(load(at[0][1] + o), load(at[1][1] + o));
      for (int i = 0; i < 4; ++i) {
        const Four whole = gradientSide(left.at[i], right.at[i]);
        for (int j = 0; j < 4; ++j) store(to.of(4 * i + j, tile, o), whole.at[j]);
      }
    }
  });
}

/** Aᵀ m A of the tiles from `first` on, with the bias [O]: from [16 tiles O] -> map [B H W O]; `aside` takes what lies beyond an odd side */
inline void outOfDomain(const Tiling& t, const Domain& from, const float* bias, int64_t first, float* map, float* aside) {
  eachTile(t, first, from.rows, [&](int64_t tile, int64_t picture, int64_t row, int64_t column) {
    const auto at = squareAt<2>(t, map, aside, from.columns, picture, row, column);
    for (int64_t o = 0; o < from.columns; o += kLanes) {
      const auto of = [&](int k) { return load(from.of(k, tile, o)); };
      Two half[4];
      for (int j = 0; j < 4; ++j) half[j] = resultSide(of(j), of(4 + j), of(8 + j), of(12 + j));
      const Floats added = bias == nullptr ? zeros() : load(bias + o);
      for (int i = 0; i < 2; ++i) {
        const Two whole = resultSide(half[0].at[i], half[1].at[i], half[2].at[i], half[3].at[i]);
        for (int j = 0; j < 2; ++j) store(at[i][j] + o, whole.at[j] + added);
      }
    }
  });
}

/** Whether a weight convolves, or brings a gradient back, for which its windows are turned around. */
enum class Way { forwards, backwards };

/** G g Gᵀ of a weight [O I 3 3] -> to [16 O I] */
inline Job weightIntoDomain(const float* weight, Way way, const Domain& to) {
  return {to.rows, [=](int64_t, int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t i = 0; i < to.columns; i += kLanes) {
        float g[9][kLanes];
        const float* windows = weight + (o * to.columns + i) * 9;
        for (int64_t lane = 0; lane < kLanes; ++lane)
          for (int at = 0; at < 9; ++at) g[way == Way::forwards ? at : 8 - at][lane] = windows[lane * 9 + at];
        Four half[3];
        for (int j = 0; j < 3; ++j) half[j] = weightSide(load(g[j]), load(g[3 + j]), load(g[6 + j]));
        for (int r = 0; r < 4; ++r) {
          const Four whole = weightSide(half[0].at[r], half[1].at[r], half[2].at[r]);
          for (int j = 0; j < 4; ++j) store(to.of(4 * r + j, o, i), whole.at[j]);
        }
      }
    }
  }};
}

/** from [16 O I] -> to [16 I O] */
inline Job mirrored(const Domain& from, const Domain& to) {
  const int64_t strips = from.rows / kLanes;
  return {kDomain * strips, [=](int64_t, int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; ++strip) {
      const int k = static_cast<int>(strip / strips);
      const int64_t row = strip % strips * kLanes;
      for (int64_t column = 0; column < from.columns; column += kLanes) {
        Units square[16];
        for (int64_t r = 0; r < 16; ++r) square[r] = asUnits(load(from.of(k, row + r, column)));
        mirror(square);
        for (int64_t r = 0; r < 16; ++r) store(to.of(k, column + r, row), asFloats(square[r]));
      }
    }
  }};
}

/** Gᵀ u G of the sum of parts [16 O I] -> gradient [O I 3 3] of the weight */
inline Job weightGradient(const std::vector<Domain>& parts, float* weight) {
  const int64_t outputs = parts[0].rows, inputs = parts[0].columns;
  return {outputs, [=, &parts](int64_t, int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t i = 0; i < inputs; i += kLanes) {
        const auto of = [&](int k) {
          Floats sum = load(parts[0].of(k, o, i));
          for (size_t part = 1; part < parts.size(); ++part) sum = sum + load(parts[part].of(k, o, i));
          return sum;
        };
        Three half[4];
        for (int j = 0; j < 4; ++j) half[j] = weightGradientSide(of(j), of(4 + j), of(8 + j), of(12 + j));
        float windows[9][kLanes];
        for (int r = 0; r < 3; ++r) {
          const Three whole = weightGradientSide(half[0].at[r], half[1].at[r], half[2].at[r], half[3].at[r]);
          for (int j = 0; j < 3; ++j) store(windows[3 * r + j], whole.at[j]);
        }
        for (int64_t lane = 0; lane < kLanes; ++lane)
          for (int at = 0; at < 9; ++at) weight[(o * inputs + i + lane) * 9 + at] = windows[at][lane];
      }
    }
  }};
}

}  // namespace lacuna::kernels::LANES
