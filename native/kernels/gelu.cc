// The exact GELU and its gradient (gelu.h) as an operation of its own.
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <initializer_list>
#include <type_traits>

#include "kernels.h"
#include "parts/gelu.h"

namespace lacuna::kernels::LANES {
namespace {

constexpr int64_t kGrain = 16384;

template <typename T>
void valueOf(const at::Tensor& input, at::Tensor& result) {
  const T* from = input.const_data_ptr<T>();
  T* to = result.mutable_data_ptr<T>();
  at::parallel_for(0, input.numel() / kLanes, kGrain / kLanes, [&](int64_t begin, int64_t end) {
    const Table<T> table(kGelu<T>);
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      store(to + i, geluOf(load(from + i), table));
    }
  });
}

template <typename T>
void gradientOf(const at::Tensor& input, const at::Tensor& incoming, at::Tensor& result) {
  const T* from = input.const_data_ptr<T>();
  const T* given = incoming.const_data_ptr<T>();
  T* to = result.mutable_data_ptr<T>();
  at::parallel_for(0, input.numel() / kLanes, kGrain / kLanes, [&](int64_t begin, int64_t end) {
    const Table<T> table(kSlope<T>);
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      store(to + i, load(given + i) * geluSlope(load(from + i), table));
    }
  });
}

at::Tensor value(const at::Tensor& given) {
  const at::Tensor input = given.contiguous();
  at::Tensor result = at::empty_like(input);
  inTypeOf(input, "gelu", [&](auto number) { valueOf<decltype(number)>(input, result); });
  return result;
}

at::Tensor gradient(const at::Tensor& input, const at::Tensor& incoming) {
  at::Tensor result = at::empty_like(input);
  inTypeOf(input, "gelu", [&](auto number) { gradientOf<decltype(number)>(input, incoming, result); });
  return result;
}

struct GeluBackward : torch::autograd::Function<GeluBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor input = given.contiguous();
    context->save_for_backward({input});
    return value(input);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    return {gradient(context->get_saved_variables()[0], gradients[0].contiguous())};
  }
};

void check(const at::Tensor& input) {
  TORCH_CHECK(input.numel() % kLanes == 0, "gelu: expected a multiple of 16 numbers, got ", input.sizes());
}
at::Tensor gelu(const at::Tensor& input) {
  check(input);
  return value(input);
}
at::Tensor geluWithGradient(const at::Tensor& input) {
  check(input);
  return GeluBackward::apply(input);
}
at::Tensor geluShape(const at::Tensor& input) { return at::empty_like(input); }

}  // namespace

REGISTER("gelu", gelu, geluWithGradient, geluShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
