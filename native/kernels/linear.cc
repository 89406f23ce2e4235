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

#include "casts.h"
#include "kernels.h"
#include "product.h"

namespace lacuna::kernels {
namespace {

/** Whether the products of x [M I] and weight [O I] are ours. */
bool fits(int64_t rows, const at::Tensor& weight) {
  return rows >= 64 && weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0 && weight.scalar_type() == at::kFloat && weight.is_contiguous();
}

at::Tensor lowOf(at::IntArrayRef sizes, const at::Tensor& like) { return at::empty(sizes, like.options().dtype(at::kBFloat16)); }

/** x [M I] bfloat16, weight [O I] float32, bias [O] -> [M O] bfloat16 */
at::Tensor ourProduct(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  at::Tensor result = lowOf({x.size(0), weight.size(0)}, x);
  Panels right(weight.size(1), weight.size(0));
  run({transposing(weight.const_data_ptr<float>(), weight.size(1), right)});
  const at::Tensor shift = bias.has_value() ? bias->to(at::kFloat).contiguous() : at::Tensor();
  const float* added = shift.defined() ? shift.const_data_ptr<float>() : nullptr;
  run({multiplying(x.const_data_ptr<BFloat16>(), x.size(0), right, added, result.mutable_data_ptr<BFloat16>())});
  return result;
}

/** Gradients of x [M I] bfloat16, weight [O I] and bias [O] float32. */
struct Gradients {
  at::Tensor input, weight, bias;
};

/** gradient [M O], x [M I], both bfloat16, weight [O I] float32 */
Gradients ourGradients(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, bool forInput, bool forWeight) {
  const int64_t rows = x.size(0), inputs = x.size(1), outputs = gradient.size(1);
  const BFloat16* given = gradient.const_data_ptr<BFloat16>();
  const auto options = x.options().dtype(at::kFloat);
  const Job nothing{0, [](int64_t, int64_t, int64_t) {}};
  Gradients made;
  if (forInput) made.input = lowOf({rows, inputs}, x);
  if (forWeight) {
    made.weight = at::empty({outputs, inputs}, options);
    made.bias = at::empty({outputs}, options);
  }
  Panels weights(forInput ? outputs : 0, inputs), inputsRight(forWeight ? rows : 0, inputs);
  Blocks left(forWeight ? rows : 0, outputs);
  Parts sums;
  run({forInput ? pairing(weight.const_data_ptr<float>(), outputs, weights) : nothing,
       forWeight ? blocking(given, rows, left, sums) : nothing,
       forWeight ? pairing(x.const_data_ptr<BFloat16>(), rows, inputsRight) : nothing});
  run({forInput ? multiplying(given, rows, weights, nullptr, made.input.mutable_data_ptr<BFloat16>()) : nothing,
       forWeight ? multiplying(left, inputsRight, made.weight.mutable_data_ptr<float>()) : nothing});
  if (forWeight) addUp(sums, outputs, made.bias.mutable_data_ptr<float>());
  return made;
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
    const bool wantsInput = context->needs_input_grad(0), wantsWeight = context->needs_input_grad(1);
    Gradients made;
    if (fits(x.size(0), weight)) {
      made = ourGradients(gradient, x, weight, wantsInput, wantsWeight);
    } else {
      if (wantsInput) made.input = at::mm(gradient, lowered(weight));
      if (wantsWeight) made.weight = raised(at::mm(gradient.t(), x));
    }
    if (wantsInput && context->saved_data["raised"].toBool()) made.input = raised(made.input);
    if (wantsInput) made.input = made.input.view(context->saved_data["sizes"].toIntVector());
    if (!context->saved_data["biased"].toBool() || !context->needs_input_grad(2)) made.bias = at::Tensor();
    else if (!made.bias.defined()) made.bias = gradient.sum(0, false, at::kFloat);
    return {made.input, made.weight, made.bias};
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
