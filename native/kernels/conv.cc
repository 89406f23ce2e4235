// A 3 × 3 convolution of stride 1 with a border of zeros, in float32: Winograd's (winograd.h), over maps that lie channels last, its
// products by libtorch. A thread takes some tiles of the maps at once, whose numbers stay in its cache on the way through the products;
// for the weight's gradient each thread adds up its own tiles, and the sums of all are added in the threads' order.
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels.h"
#include "parts/winograd.h"

namespace lacuna::kernels::LANES {
namespace {

/** Of maps [B C H W]. */
Tiling tilingOf(const at::Tensor& map) { return {map.size(0), map.size(2), map.size(3)}; }

/** Tiles at once, up to `most`: their numbers before and behind the products stay in a core's cache, and a factor that is read pays for itself. */
int64_t tilesAtOnce(int64_t inputs, int64_t outputs, int64_t most) { return std::clamp<int64_t>((inputs + outputs) / 2, 64, most); }

/** Room for the numbers of so many tiles, of which the last may be fewer. */
struct Room {
  Room(int64_t tiles, int64_t channels, const at::TensorOptions& options) : numbers(at::empty({kDomain * tiles * channels}, options)), channels(channels) {}
  at::Tensor numbers;
  int64_t channels;
  at::Tensor of(int64_t tiles) const { return numbers.narrow(0, 0, kDomain * tiles * channels).view({kDomain, tiles, channels}); }
};

/** Products inside of a thread's share: neither gradients nor a profile look for them. */
struct Quietly {
  at::AutoDispatchBelowADInplaceOrView below;
  at::RecordFunctionGuard unseen{false};
};

/** map [B I H W], weight [16 I O] -> result [B O H W]; maps lie channels last */
void convolve(const at::Tensor& map, const at::Tensor& weight, const float* bias, const at::Tensor& result) {
  const Tiling tiling = tilingOf(map);
  const int64_t I = weight.size(1), O = weight.size(2), some = tilesAtOnce(I, O, 128);
  run({{tiling.tiles(), [&](int64_t, int64_t begin, int64_t end) {
    const Quietly quietly;
    const Room before(some, I, map.options()), behind(some, O, map.options());
    const std::vector<float> outside(I);
    std::vector<float> aside(O);
    for (int64_t first = begin; first < end; first += some) {
      const int64_t count = std::min(some, end - first);
      at::Tensor from = before.of(count), to = behind.of(count);
      intoDomain(tiling, map.const_data_ptr<float>(), first, Domain(from), outside.data());
      at::bmm_out(to, from, weight);
      outOfDomain(tiling, Domain(to), bias, first, result.mutable_data_ptr<float>(), aside.data());
    }
  }}});
}

/** map [B I H W], gradient [B O H W] of the result -> gradient [O I 3 3] of the weight; maps lie channels last */
void convolveBackToWeight(const at::Tensor& map, const at::Tensor& gradient, const at::Tensor& weight) {
  const Tiling tiling = tilingOf(map);
  const int64_t I = map.size(1), O = gradient.size(1), some = tilesAtOnce(I, O, 256);
  std::vector<at::Tensor> sums(at::get_num_threads());
  run({{tiling.tiles(), [&](int64_t thread, int64_t begin, int64_t end) {
    const Quietly quietly;
    at::Tensor& sum = sums[thread] = at::zeros({kDomain, O, I}, map.options());
    const Room before(some, I, map.options()), behind(some, O, map.options());
    const std::vector<float> outside(std::max(I, O));
    for (int64_t first = begin; first < end; first += some) {
      const int64_t count = std::min(some, end - first);
      const at::Tensor from = before.of(count), to = behind.of(count);
      intoDomain(tiling, map.const_data_ptr<float>(), first, Domain(from), outside.data());
      gradientIntoDomain(tiling, gradient.const_data_ptr<float>(), first, Domain(to), outside.data());
      sum.baddbmm_(to.transpose(1, 2), from);
    }
  }}});
  std::vector<Domain> parts;
  for (const at::Tensor& sum : sums) parts.emplace_back(sum);
  run({weightGradient(parts, weight.mutable_data_ptr<float>())});
}

at::Tensor channelsLast(const at::Tensor& map) { return map.contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor emptyMap(const at::Tensor& like, int64_t channels) {
  return at::empty({like.size(0), channels, like.size(2), like.size(3)}, like.options(), at::MemoryFormat::ChannelsLast);
}

void checkConvolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  TORCH_CHECK(input.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && weight.size(1) == input.size(1) &&
                  weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0 && (!bias.has_value() || bias->numel() == weight.size(0)),
              "conv3x3: expected input [B I H W], weight [O I 3 3] and bias [O], I and O multiples of 16, got ", input.sizes(), ", ",
              weight.sizes(), " and ", bias.has_value() ? bias->sizes() : at::IntArrayRef{});
  TORCH_CHECK(input.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, "conv3x3: expected float32, got ",
              input.scalar_type(), " and ", weight.scalar_type());
}

/** weight [O I 3 3] -> the right factor of a convolution [16 I O], or of the one that brings a gradient back [16 O I] */
at::Tensor intoDomain(const at::Tensor& weight, Way way) {
  const int64_t O = weight.size(0), I = weight.size(1);
  const at::Tensor kernel = weight.contiguous(), numbers = at::empty({kDomain, O, I}, weight.options());
  run({weightIntoDomain(kernel.const_data_ptr<float>(), way, Domain(numbers))});
  if (way == Way::backwards) return numbers;
  const at::Tensor factor = at::empty({kDomain, I, O}, weight.options());
  run({mirrored(Domain(numbers), Domain(factor))});
  return factor;
}

at::Tensor conv3x3(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  checkConvolution(input, weight, bias);
  const at::Tensor shift = bias.has_value() ? bias->contiguous() : at::Tensor(), result = emptyMap(input, weight.size(0));
  convolve(channelsLast(input), intoDomain(weight, Way::forwards), shift.defined() ? shift.const_data_ptr<float>() : nullptr, result);
  return result;
}

struct Conv3x3Backward : torch::autograd::Function<Conv3x3Backward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor map = channelsLast(input);
    context->save_for_backward({map, weight});
    context->saved_data["biased"] = bias.has_value();
    return conv3x3(map, weight, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &map = saved[0], &weight = saved[1], gradient = channelsLast(gradients[0]);
    at::Tensor forInput, forWeight, forBias;
    if (context->needs_input_grad(0)) convolve(gradient, intoDomain(weight, Way::backwards), nullptr, forInput = emptyMap(map, map.size(1)));
    if (context->needs_input_grad(1)) convolveBackToWeight(map, gradient, forWeight = at::empty(weight.sizes(), weight.options()));
    if (context->saved_data["biased"].toBool() && context->needs_input_grad(2)) forBias = gradient.sum({0, 2, 3});
    return {forInput, forWeight, forBias};
  }
};

at::Tensor conv3x3WithGradient(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  checkConvolution(input, weight, bias);
  return Conv3x3Backward::apply(input, weight, bias);
}
at::Tensor conv3x3Shape(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>&) {
  return emptyMap(input, weight.size(0));
}

}  // namespace

REGISTER("conv3x3", conv3x3, conv3x3WithGradient, conv3x3Shape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
