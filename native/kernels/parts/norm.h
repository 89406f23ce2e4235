// Layer normalisation, row by row. Included last, as lanes.h is.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <memory>
#include <vector>

#include "../lanes.h"

namespace lacuna::kernels::LANES {

struct Rows {
  int64_t count, width;
};
inline Rows rowsOf(const at::Tensor& x) { return {x.numel() / x.size(-1), x.size(-1)}; }

/** Mean of a row, and one over its deviation. */
struct Moments {
  float mean, rate;
};

inline Moments momentsOf(const float* row, int64_t width, float epsilon) {
  Floats sum = zeros(), squares = zeros();
  for (int64_t c = 0; c < width; c += kLanes) sum = sum + load(row + c);
  const float mean = sumOf(sum) / static_cast<float>(width);
  const Floats center = all(mean);
  for (int64_t c = 0; c < width; c += kLanes) {
    const Floats d = load(row + c) - center;
    squares = multiplyAdd(d, d, squares);
  }
  return {mean, 1.0f / std::sqrt(sumOf(squares) / static_cast<float>(width) + epsilon)};
}

/** n w + b of a row, n the normed one */
template <typename T>
inline void normRow(const float* row, const float* scale, const float* shift, Moments m, int64_t width, T* to) {
  const Floats mean = all(m.mean), rate = all(m.rate);
  for (int64_t c = 0; c < width; c += kLanes)
    store(to + c, multiplyAdd((load(row + c) - mean) * rate, load(scale + c), load(shift + c)));
}

/** What one thread adds up over its rows, [2 D]: gradients of weight and bias. */
struct NormSums {
  explicit NormSums(int64_t width) : weight(width, 0.0f), bias(width, 0.0f) {}
  std::vector<float> weight, bias;
};

/** Adds to what is summed up so far. */
inline void addTo(float* sum, Floats x) { store(sum, load(sum) + x); }

/** dx = rate (g w - mean(g w) - n mean(g w n)), n the normed row; dw += g n, db += g. finish(column, sixteen of dx) takes the result. */
template <typename T, typename Finish>
inline void normRowBackward(const float* row, const T* given, const float* scale, Moments m, int64_t width, NormSums& sums, Finish finish) {
  const Floats mean = all(m.mean), rate = all(m.rate);
  Floats along = zeros(), across = zeros();
  for (int64_t c = 0; c < width; c += kLanes) {
    const Floats g = load(given + c), n = (load(row + c) - mean) * rate;
    const Floats gw = g * load(scale + c);
    along = along + gw;
    across = multiplyAdd(gw, n, across);
    store(sums.weight.data() + c, multiplyAdd(g, n, load(sums.weight.data() + c)));
    addTo(sums.bias.data() + c, g);
  }
  const float share = 1.0f / static_cast<float>(width);
  const Floats first = all(sumOf(along) * share), second = all(sumOf(across) * share);
  for (int64_t c = 0; c < width; c += kLanes) {
    const Floats n = (load(row + c) - mean) * rate;
    const Floats gw = load(given + c) * load(scale + c);
    finish(c, rate * subtractProduct(n, second, gw - first));
  }
}

/** Sums of the threads in their order, so that a run repeats to the bit. */
template <typename S, typename Base>
inline at::Tensor total(const std::vector<std::unique_ptr<S>>& parts, std::vector<float> Base::*which, const at::Tensor& like) {
  at::Tensor result = at::zeros(like.sizes(), like.options());
  float* to = result.mutable_data_ptr<float>();
  for (const auto& part : parts) {
    if (!part) continue;
    addRow(((*part).*which).data(), to, like.numel());
  }
  return result;
}

}  // namespace lacuna::kernels::LANES
