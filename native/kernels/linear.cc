// A linear layer over float32 weights, in float32 or, under autocast, in bfloat16. Its three products (the result, and the gradients of
// input and weight) are ours (tile.h): casts of the weight, the bias and the sum of the gradient's rows are part of passes that are
// made anyhow, and the weight's gradient stays in float32, where autocast rounds it to bfloat16 and back. Shapes that do not fit
// (widths that 16 does not divide, few rows) take libtorch's products.
#include <ATen/autocast_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "parts/casts.h"
#include "kernels.h"
#include "parts/product.h"

namespace lacuna::kernels::LANES {
namespace {

/** Whether the products of x [M I] and weight [O I] are ours. */
bool fits(const at::Tensor& x, const at::Tensor& weight) {
  const at::ScalarType type = x.scalar_type();
  return (type == at::kFloat || (type == at::kBFloat16 && multipliesBfloat16())) && x.size(0) >= 64 && weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0 && weight.scalar_type() == at::kFloat && weight.is_contiguous();
}

/** x [M I], weight [O I] float32, bias [O] -> [M O], in the type of x */
template <typename T>
at::Tensor ourProduct(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  at::Tensor result = at::empty({x.size(0), weight.size(0)}, x.options());
  Panels<T> right(weight.size(1), weight.size(0));
  run({transposing(weight.const_data_ptr<float>(), weight.size(1), right)});
  const at::Tensor shift = bias.has_value() ? bias->to(at::kFloat).contiguous() : at::Tensor();
  const float* added = shift.defined() ? shift.const_data_ptr<float>() : nullptr;
  run({multiplying(x.const_data_ptr<T>(), x.size(0), right, added, result.mutable_data_ptr<T>())});
  return result;
}

/** Gradients of x [M I] in its type, weight [O I] and bias [O] in float32. */
struct Gradients {
  at::Tensor input, weight, bias;
};

/** gradient [M O] and x [M I] in one type, weight [O I] float32 */
template <typename T>
Gradients ourGradients(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, bool forInput, bool forWeight) {
  const int64_t rows = x.size(0), inputs = x.size(1), outputs = gradient.size(1);
  const T* given = gradient.const_data_ptr<T>();
  const auto options = x.options().dtype(at::kFloat);
  const Job nothing{0, [](int64_t, int64_t, int64_t) {}};
  Gradients made;
  if (forInput) made.input = at::empty({rows, inputs}, x.options());
  if (forWeight) {
    made.weight = at::empty({outputs, inputs}, options);
    made.bias = at::empty({outputs}, options);
  }
  Panels<T> weights(forInput ? outputs : 0, inputs), inputsRight(forWeight ? rows : 0, inputs);
  Blocks<T> left(forWeight ? rows : 0, outputs);
  Parts sums;
  run({forInput ? laying(weight.const_data_ptr<float>(), outputs, weights) : nothing,
       forWeight ? blocking(given, rows, left, sums) : nothing,
       forWeight ? laying(x.const_data_ptr<T>(), rows, inputsRight) : nothing});
  run({forInput ? multiplying(given, rows, weights, nullptr, made.input.mutable_data_ptr<T>()) : nothing,
       forWeight ? multiplying(left, inputsRight, made.weight.mutable_data_ptr<float>()) : nothing});
  if (forWeight) addUp(sums, outputs, made.bias.mutable_data_ptr<float>());
  return made;
}

/** Products of tensors that are in their type already: neither gradients nor casts are looked for. */
struct Plainly {
  at::AutoDispatchBelowADInplaceOrView below;
  c10::impl::ExcludeDispatchKeyGuard plain{c10::DispatchKey::AutocastCPU};
};

/** The type of products: what autocast says, or that of the input. */
at::ScalarType typeOf(const at::Tensor& input) {
  return at::autocast::is_autocast_enabled(at::kCPU) ? at::autocast::get_autocast_dtype(at::kCPU) : input.scalar_type();
}

/** input [… I] -> [M I], in the type of products */
at::Tensor rowsOf(const at::Tensor& input, at::ScalarType type) { return cast(input.reshape({-1, input.size(-1)}), type); }

/** x [M I], weight [O I], bias [O] -> [M O], in the type of x */
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  const at::ScalarType type = x.scalar_type();
  if (fits(x, weight)) return inTypeOf(x, "linear", [&](auto number) { return ourProduct<decltype(number)>(x, weight, bias); });
  const at::Tensor right = cast(weight, type).t();
  return bias.has_value() ? at::addmm(cast(*bias, type), x, right) : at::mm(x, right);
}

/** The gradients that `product` has. */
Gradients gradientsOf(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, bool forInput, bool forWeight) {
  const at::ScalarType type = x.scalar_type();
  if (fits(x, weight)) return inTypeOf(x, "linear", [&](auto number) { return ourGradients<decltype(number)>(gradient, x, weight, forInput, forWeight); });
  Gradients made;
  if (forInput) made.input = at::mm(gradient, cast(weight, type));
  if (forWeight) made.weight = cast(at::mm(gradient.t(), x), weight.scalar_type());
  return made;
}

std::vector<int64_t> widened(at::IntArrayRef sizes, int64_t width) {
  std::vector<int64_t> result(sizes.begin(), sizes.end());
  result.back() = width;
  return result;
}

struct LinearBackward : torch::autograd::Function<LinearBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const at::ScalarType type = typeOf(input);
    const Plainly plainly;
    const at::Tensor x = rowsOf(input, type);
    context->save_for_backward({x, weight});
    context->saved_data["sizes"] = input.sizes().vec();
    context->saved_data["type"] = static_cast<int64_t>(input.scalar_type());
    context->saved_data["biased"] = bias.has_value();
    return product(x, weight, bias).view(widened(input.sizes(), weight.size(0)));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor gradient = cast(gradients[0].reshape({-1, weight.size(0)}), x.scalar_type());
    const bool wantsInput = context->needs_input_grad(0);
    Gradients made = gradientsOf(gradient, x, weight, wantsInput, context->needs_input_grad(1));
    if (wantsInput) made.input = cast(made.input, static_cast<at::ScalarType>(context->saved_data["type"].toInt())).view(context->saved_data["sizes"].toIntVector());
    if (!context->saved_data["biased"].toBool() || !context->needs_input_grad(2)) made.bias = at::Tensor();
    else if (!made.bias.defined()) made.bias = gradient.sum(0, false, at::kFloat);
    return {made.input, made.weight, made.bias};
  }
};

void checkLinear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  TORCH_CHECK(weight.dim() == 2 && input.dim() >= 1 && input.size(-1) == weight.size(1) &&
                  (!bias.has_value() || (bias->dim() == 1 && bias->numel() == weight.size(0))),
              "linear: expected input [… I], weight [O I] and bias [O], got ", input.sizes(), ", ", weight.sizes(), " and ",
              bias.has_value() ? bias->sizes() : at::IntArrayRef{});
}
at::Tensor linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  checkLinear(input, weight, bias);
  const at::ScalarType type = typeOf(input);
  const Plainly plainly;
  return product(rowsOf(input, type), weight, bias).view(widened(input.sizes(), weight.size(0)));
}
at::Tensor linearWithGradient(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  checkLinear(input, weight, bias);
  return LinearBackward::apply(input, weight, bias);
}
at::Tensor linearShape(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>&) {
  return at::empty(widened(input.sizes(), weight.size(0)), input.options());
}

}  // namespace

REGISTER("linear", linear, linearWithGradient, linearShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
