// A linear layer in bfloat16 over float32 weights. Its three products (the result, and the gradients of input and weight) are ours
// (tile.h): casts of the weight, the bias and the sum of the gradient's rows are part of passes that are made anyhow, and the
// weight's gradient stays in float32, where autocast rounds it to bfloat16 and back. Shapes that do not fit (widths that 16 does
// not divide, few rows) take libtorch's products.
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "kernels.h"
#include "tile.h"

namespace lacuna::kernels {
namespace {

template <typename From, typename To>
void copyAll(const From* from, To* to, int64_t count) {
  const int64_t whole = count / kLanes * kLanes;
  at::parallel_for(0, whole / kLanes, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) store(to + i, load(from + i));
  });
  for (int64_t i = whole; i < count; ++i) to[i] = static_cast<To>(static_cast<float>(from[i]));
}

at::Tensor lowered(const at::Tensor& given) {
  if (given.scalar_type() == at::kBFloat16) return given.contiguous();
  const at::Tensor tensor = given.contiguous();
  at::Tensor result = at::empty(tensor.sizes(), tensor.options().dtype(at::kBFloat16));
  copyAll(tensor.const_data_ptr<float>(), result.mutable_data_ptr<BFloat16>(), tensor.numel());
  return result;
}

at::Tensor raised(const at::Tensor& tensor) {
  at::Tensor result = at::empty(tensor.sizes(), tensor.options().dtype(at::kFloat));
  copyAll(tensor.const_data_ptr<BFloat16>(), result.mutable_data_ptr<float>(), tensor.numel());
  return result;
}

/** Room for a right factor: panels of up to 64 columns, each [depth, its width] units, one behind the other. */
struct Panels {
  Panels(int64_t rows, int64_t columns) : depth((rows + 1) / 2), width(columns), units(new Unit[depth * columns]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;

  int64_t widthAt(int64_t column) const { return std::min(kPanel, width - column); }
  Matrix<const Unit> at(int64_t column) const { return {units.get() + column * depth, widthAt(column)}; }
  Unit* row(int64_t k, int64_t column) { return units.get() + column * depth + k * widthAt(column); }
};

/** rows [K, N] that follow one another along the summed index; an odd last one stands beside zeros */
template <typename T>
Panels paired(const T* from, int64_t rows, int64_t columns) {
  Panels panels(rows, columns);
  at::parallel_for(0, panels.depth, grainOf(2 * columns), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const T *first = from + 2 * k * columns, *second = 2 * k + 1 < rows ? first + columns : nullptr;
      for (int64_t p = 0; p < columns; p += kPanel) {
        Unit* to = panels.row(k, p);
        for (int64_t c = 0; c < panels.widthAt(p); c += kLanes)
          _mm512_storeu_si512(to + c, pairOf(first + p + c, second == nullptr ? nullptr : second + p + c));
      }
    }
  });
  return panels;
}

/** Sixteen units of a row of float32. */
inline __m512i narrowed(const float* row, int64_t count) {
  const __m512 low = _mm512_maskz_loadu_ps(firstLanes(count), row), high = _mm512_maskz_loadu_ps(firstLanes(std::max<int64_t>(0, count - kLanes)), row + kLanes);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

/** weight [N, K] float32, whose rows run along the summed index */
Panels transposed(const float* from, int64_t columns, int64_t rows) {
  Panels panels(rows, columns);
  at::parallel_for(0, columns / kLanes, grainOf(rows * kLanes), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin * kLanes; n < end * kLanes; n += kLanes) {
      for (int64_t k = 0; k < panels.depth; k += kLanes) {
        __m512i block[16];
#pragma GCC unroll 16
        for (int64_t r = 0; r < 16; ++r) block[r] = narrowed(from + (n + r) * rows + 2 * k, rows - 2 * k);
        mirror(block);
        const int64_t start = n / kPanel * kPanel;
        for (int64_t r = 0; r < std::min(kLanes, panels.depth - k); ++r) _mm512_storeu_si512(panels.row(k + r, start) + n - start, block[r]);
      }
    }
  });
  return panels;
}

/** Rows of a left factor that stay in a core's cache while the panels pass. */
inline int64_t rowsInCache(int64_t depth) { return std::max<int64_t>(8, 65536 / std::max<int64_t>(1, depth) / kRows) * kRows; }

/** left [M, K] bfloat16 x panels [K, N] (+ bias [N]) -> result [M, N] bfloat16 */
void multiply(const BFloat16* left, int64_t rows, const Panels& right, const float* bias, BFloat16* result) {
  const auto* units = reinterpret_cast<const Unit*>(left);
  const int64_t tiles = (rows + kRows - 1) / kRows, some = rowsInCache(right.depth);
  at::parallel_for(0, tiles, 1, [&](int64_t begin, int64_t end) {
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
  });
}

/** A left factor read across its rows: blocks of six columns of g [K, M], each [depth, 6] units. */
struct Blocks {
  Blocks(int64_t rows, int64_t columns) : depth((rows + 1) / 2), width(columns), units(new Unit[depth * ((columns + kRows - 1) / kRows) * kRows + kLanes]) {}
  int64_t depth, width;
  std::unique_ptr<Unit[]> units;
  Unit* row(int64_t k, int64_t column) { return units.get() + column * depth + k * kRows; }
  Left at(int64_t column) const { return {units.get() + column * depth, 1, kRows}; }
};

/** gradient [K, M] in blocks, and the sum of its rows [M] */
Blocks blocked(const BFloat16* from, int64_t rows, int64_t columns, float* sums) {
  Blocks blocks(rows, columns);
  std::vector<std::vector<float>> parts(at::get_num_threads());
  at::parallel_for(0, blocks.depth, grainOf(2 * columns), [&](int64_t begin, int64_t end) {
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
    parts[at::get_thread_num()] = std::move(part);
  });
  std::fill(sums, sums + columns, 0.0f);
  for (const auto& part : parts)  // in the order of the threads, so that a run repeats to the bit
    for (size_t c = 0; c < part.size(); c += kLanes) store(sums + c, _mm512_add_ps(load(sums + c), load(part.data() + c)));
  return blocks;
}

/** left [M, K], a matrix read across its rows, x panels [K, N] -> result [M, N] float32 */
void multiply(const Blocks& left, const Panels& right, float* result) {
  at::parallel_for(0, (left.width + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kRows, count = std::min(left.width, end * kRows) - first;
    for (int64_t p = 0; p < right.width; p += kPanel) {
      for (int64_t i = 0; i < count; i += kRows) {
        const auto keep = [&](int64_t r, int64_t c, __m512 sum) { store(result + (first + i + r) * right.width + p + c, sum); };
        panel<BFloat16>(std::min<int64_t>(kRows, count - i), right.widthAt(p), left.at(first + i), right.at(p), right.depth, keep);
      }
    }
  });
}

/** Whether the products of x [M I] and weight [O I] are ours. */
bool fits(int64_t rows, const at::Tensor& weight) {
  return rows >= 64 && weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0 && weight.scalar_type() == at::kFloat && weight.is_contiguous();
}

at::Tensor lowOf(at::IntArrayRef sizes, const at::Tensor& like) { return at::empty(sizes, like.options().dtype(at::kBFloat16)); }

/** x [M I] bfloat16, weight [O I] float32, bias [O] float32 -> [M O] bfloat16 */
at::Tensor ourProduct(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  at::Tensor result = lowOf({x.size(0), weight.size(0)}, x);
  const Panels right = transposed(weight.const_data_ptr<float>(), weight.size(0), weight.size(1));
  const at::Tensor shift = bias.has_value() ? bias->to(at::kFloat).contiguous() : at::Tensor();
  multiply(x.const_data_ptr<BFloat16>(), x.size(0), right, shift.defined() ? shift.const_data_ptr<float>() : nullptr, result.mutable_data_ptr<BFloat16>());
  return result;
}

/** gradient [M O] bfloat16, weight [O I] float32 -> [M I] bfloat16 */
at::Tensor ourInputGradient(const at::Tensor& gradient, const at::Tensor& weight) {
  at::Tensor result = lowOf({gradient.size(0), weight.size(1)}, gradient);
  const Panels right = paired(weight.const_data_ptr<float>(), weight.size(0), weight.size(1));
  multiply(gradient.const_data_ptr<BFloat16>(), gradient.size(0), right, nullptr, result.mutable_data_ptr<BFloat16>());
  return result;
}

/** gradient [M O], x [M I], both bfloat16 -> gradients of weight [O I] and bias [O], float32 */
std::pair<at::Tensor, at::Tensor> ourWeightGradients(const at::Tensor& gradient, const at::Tensor& x) {
  const int64_t rows = x.size(0), inputs = x.size(1), outputs = gradient.size(1);
  const auto options = x.options().dtype(at::kFloat);
  at::Tensor weight = at::empty({outputs, inputs}, options), bias = at::empty({outputs}, options);
  const Blocks left = blocked(gradient.const_data_ptr<BFloat16>(), rows, outputs, bias.mutable_data_ptr<float>());
  multiply(left, paired(x.const_data_ptr<BFloat16>(), rows, inputs), weight.mutable_data_ptr<float>());
  return {weight, bias};
}

/** Products of tensors that are in their type already: neither gradients nor casts are looked for. */
struct Plainly {
  at::AutoDispatchBelowADInplaceOrView below;
  c10::impl::ExcludeDispatchKeyGuard plain{c10::DispatchKey::AutocastCPU};
};

/** x [M I] bfloat16, weight [O I], bias [O] -> [M O] bfloat16 */
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  if (fits(x.size(0), weight)) return ourProduct(x, weight, bias);
  const at::Tensor low = lowered(weight).t();
  return bias.has_value() ? at::addmm(lowered(*bias), x, low) : at::mm(x, low);
}

std::vector<int64_t> widened(at::IntArrayRef sizes, int64_t width) {
  std::vector<int64_t> result(sizes.begin(), sizes.end());
  result.back() = width;
  return result;
}

struct LinearBackward : torch::autograd::Function<LinearBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const Plainly plainly;
    const at::Tensor x = lowered(input.reshape({-1, input.size(-1)}));
    context->save_for_backward({x, weight});
    context->saved_data["sizes"] = input.sizes().vec();
    context->saved_data["raised"] = input.scalar_type() == at::kFloat;
    context->saved_data["biased"] = bias.has_value();
    return product(x, weight, bias).view(widened(input.sizes(), weight.size(0)));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor gradient = lowered(gradients[0].reshape({-1, weight.size(0)}));
    const bool ours = fits(x.size(0), weight);
    at::Tensor forInput, forWeight, forBias;
    if (context->needs_input_grad(0)) {
      forInput = ours ? ourInputGradient(gradient, weight) : at::mm(gradient, lowered(weight));
      if (context->saved_data["raised"].toBool()) forInput = raised(forInput);
      forInput = forInput.view(context->saved_data["sizes"].toIntVector());
    }
    if (context->needs_input_grad(1) && ours) std::tie(forWeight, forBias) = ourWeightGradients(gradient, x);
    else if (context->needs_input_grad(1)) forWeight = raised(at::mm(gradient.t(), x));
    if (!context->saved_data["biased"].toBool() || !context->needs_input_grad(2)) forBias = at::Tensor();
    else if (!forBias.defined()) forBias = gradient.sum(0, false, at::kFloat);
    return {forInput, forWeight, forBias};
  }
};

void checkLinear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  TORCH_CHECK(weight.dim() == 2 && input.dim() >= 1 && input.size(-1) == weight.size(1) &&
                  (!bias.has_value() || bias->numel() == weight.size(0)),
              "linear: expected input [… I], weight [O I] and bias [O], got ", input.sizes(), ", ", weight.sizes());
}
at::Tensor linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  const Plainly plainly;
  checkLinear(input, weight, bias);
  return product(lowered(input.reshape({-1, input.size(-1)})), weight, bias).view(widened(input.sizes(), weight.size(0)));
}
at::Tensor linearWithGradient(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  checkLinear(input, weight, bias);
  return LinearBackward::apply(input, weight, bias);
}
at::Tensor linearShape(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>&) {
  return at::empty(widened(input.sizes(), weight.size(0)), input.options());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(lacuna, library) { library.def("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor"); }
TORCH_LIBRARY_IMPL(lacuna, CPU, library) { library.impl("linear", linear); }
TORCH_LIBRARY_IMPL(lacuna, AutogradCPU, library) { library.impl("linear", linearWithGradient); }
TORCH_LIBRARY_IMPL(lacuna, Meta, library) { library.impl("linear", linearShape); }

}  // namespace lacuna::kernels
#pragma GCC pop_options
