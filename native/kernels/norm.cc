// What stands between a Transformer's matrix products, in one pass each: the norm that reads the float32 residual stream and gives
// the bfloat16 that the product behind it would cast it to, and the sum of the stream and a branch.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <memory>
#include <vector>

#include "kernels.h"
#include "parts/casts.h"
#include "parts/norm.h"

namespace lacuna::kernels::LANES {
namespace {

/** x [… D] float32 -> [… D] bfloat16, and the rows' moments [rows 2] */
std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon) {
  const Rows rows = rowsOf(x);
  at::Tensor result = at::empty(x.sizes(), x.options().dtype(at::kBFloat16));
  at::Tensor moments = at::empty({rows.count, 2}, x.options());
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  BFloat16* to = result.mutable_data_ptr<BFloat16>();
  float* kept = moments.mutable_data_ptr<float>();
  at::parallel_for(0, rows.count, grainOf(rows.width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* row = from + i * rows.width;
      const Moments m = momentsOf(row, rows.width, static_cast<float>(epsilon));
      kept[2 * i] = m.mean;
      kept[2 * i + 1] = m.rate;
      normRow(row, scale, shift, m, rows.width, to + i * rows.width);
    }
  });
  return {result, moments};
}

struct Gradients {
  at::Tensor x, weight, bias;
};

Gradients backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& moments, const at::Tensor& gradient) {
  const Rows rows = rowsOf(x);
  at::Tensor result = at::empty_like(x);
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>(), *kept = moments.const_data_ptr<float>();
  const BFloat16* given = gradient.const_data_ptr<BFloat16>();
  float* to = result.mutable_data_ptr<float>();
  std::vector<std::unique_ptr<NormSums>> parts(at::get_num_threads());
  at::parallel_for(0, rows.count, grainOf(rows.width), [&](int64_t begin, int64_t end) {
    auto sums = std::make_unique<NormSums>(rows.width);
    for (int64_t i = begin; i < end; ++i) {
      const auto finish = [&](int64_t c, Floats dx) { store(to + i * rows.width + c, dx); };
      normRowBackward(from + i * rows.width, given + i * rows.width, scale, {kept[2 * i], kept[2 * i + 1]}, rows.width, *sums, finish);
    }
    parts[at::get_thread_num()] = std::move(sums);
  });
  return {result, total(parts, &NormSums::weight, weight), total(parts, &NormSums::bias, weight)};
}

struct LayerNormBackward : torch::autograd::Function<LayerNormBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given, const at::Tensor& weight, const at::Tensor& bias, double epsilon) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor x = given.contiguous();
    auto [result, moments] = LANES::forward(x, weight, bias, epsilon);
    context->save_for_backward({x, weight, moments});
    return result;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Gradients g = LANES::backward(saved[0], saved[1], saved[2], gradients[0].contiguous());
    return {g.x, g.weight, g.bias, at::Tensor()};
  }
};

void checkNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.dim() > 0 && x.size(-1) % kLanes == 0 && x.size(-1) > 0,
              "layer_norm: expected float32 rows of a multiple of 16, got ", x.scalar_type(), " ", x.sizes());
  for (const at::Tensor& vector : {weight, bias})
    TORCH_CHECK(vector.scalar_type() == at::kFloat && vector.is_contiguous() && vector.numel() == x.size(-1),
                "layer_norm: expected weight and bias of ", x.size(-1), " float32 numbers, got ", vector.scalar_type(), " ", vector.sizes());
}
at::Tensor layerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon) {
  checkNorm(x, weight, bias);
  return std::get<0>(forward(x.contiguous(), weight, bias, epsilon));
}
at::Tensor layerNormWithGradient(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon) {
  checkNorm(x, weight, bias);
  return LayerNormBackward::apply(x, weight, bias, epsilon);
}
at::Tensor layerNormShape(const at::Tensor& x, const at::Tensor&, const at::Tensor&, double) {
  return at::empty(x.sizes(), x.options());
}

/** stream [… D] float32 + branch [… D] bfloat16 -> float32 */
at::Tensor sum(const at::Tensor& stream, const at::Tensor& branch) {
  at::Tensor result = at::empty_like(stream);
  const float* a = stream.const_data_ptr<float>();
  const BFloat16* b = branch.const_data_ptr<BFloat16>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, stream.numel() / kLanes, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) store(to + i, load(a + i) + load(b + i));
  });
  return result;
}

struct AddBranchBackward : torch::autograd::Function<AddBranchBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& stream, const at::Tensor& branch) {
    const at::AutoDispatchBelowADInplaceOrView below;
    return sum(stream.contiguous(), branch.contiguous());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*, torch::autograd::variable_list gradients) {
    return {gradients[0], cast(gradients[0], at::kBFloat16)};
  }
};

void checkBranch(const at::Tensor& stream, const at::Tensor& branch) {
  TORCH_CHECK(stream.scalar_type() == at::kFloat && branch.scalar_type() == at::kBFloat16 && stream.sizes() == branch.sizes() &&
                  stream.numel() % kLanes == 0,
              "add_branch: expected a float32 stream and a bfloat16 branch of its shape, a multiple of 16 numbers, got ",
              stream.scalar_type(), " ", stream.sizes(), " and ", branch.scalar_type(), " ", branch.sizes());
}
at::Tensor addBranch(const at::Tensor& stream, const at::Tensor& branch) {
  checkBranch(stream, branch);
  return sum(stream.contiguous(), branch.contiguous());
}
at::Tensor addBranchWithGradient(const at::Tensor& stream, const at::Tensor& branch) {
  checkBranch(stream, branch);
  return AddBranchBackward::apply(stream, branch);
}
at::Tensor addBranchShape(const at::Tensor& stream, const at::Tensor&) { return at::empty_like(stream); }

}  // namespace

REGISTER("layer_norm", layerNorm, layerNormWithGradient, layerNormShape)
REGISTER("add_branch", addBranch, addBranchWithGradient, addBranchShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
