// Shape kernels for the `meta` device. PyTorch writes these in Python, so libtorch alone lacks them; a plan of a
// model (parameters, multiply-adds) needs only shapes. Each gives the shape and type of the real kernel.
#include <ATen/ExpandUtils.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/result_type.h>
#include <torch/library.h>

namespace {

using at::Tensor;
using Sizes = std::vector<int64_t>;
using Optional = std::optional<Tensor>;

std::tuple<Tensor, Tensor, Tensor> layerNorm(const Tensor& input, c10::SymIntArrayRef normalized, const Optional&,
                                             const Optional&, double) {
  const auto shape = input.sizes();
  TORCH_CHECK(normalized.size() <= shape.size(), "layer_norm: the input has too few dimensions");
  Sizes statistics(shape.begin(), shape.end());
  for (size_t i = 0; i < normalized.size(); ++i) {
    const size_t axis = shape.size() - normalized.size() + i;
    TORCH_CHECK(normalized[i].expect_int() == shape[axis], "layer_norm: expected the last dimension to be ",
                normalized[i], ", got ", shape[axis]);
    statistics[axis] = 1;
  }
  return {at::empty(shape, input.options()), at::empty(statistics, input.options()), at::empty(statistics, input.options())};
}

/** input [B C …]; the statistics have C elements in training and none in evaluation. */
std::tuple<Tensor, Tensor, Tensor> batchNorm(const Tensor& input, const Optional& weight, const Optional&,
                                             const Optional& mean, const Optional&, bool training, double, double) {
  TORCH_CHECK(input.dim() >= 2, "batch_norm: expected [B C …], got ", input.sizes());
  const int64_t channels = input.size(1);
  for (const Optional& vector : {weight, mean})
    TORCH_CHECK(!vector.has_value() || !vector->defined() || vector->numel() == channels, "batch_norm: expected ",
                channels, " elements for ", channels, " channels, got ", vector.has_value() ? vector->numel() : 0);
  const auto statistics = [&] { return at::empty({training ? channels : 0}, input.options()); };
  return {at::empty_like(input), statistics(), statistics()};
}

/** One number stands for all dimensions. */
int64_t along(c10::SymIntArrayRef list, size_t i) { return list[list.size() == 1 ? 0 : i].expect_int(); }

/** input [B C …], weight [O C/groups …] (transposed: [C O/groups …]) */
Tensor convolution(const Tensor& input, const Tensor& weight, const Optional&, c10::SymIntArrayRef stride,
                   c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed,
                   c10::SymIntArrayRef outputPadding, c10::SymInt groupCount) {
  const int64_t groups = groupCount.expect_int();
  TORCH_CHECK(input.dim() == weight.dim() && input.dim() > 2, "convolution: expected an input of ", weight.dim(),
              " dimensions, got ", input.sizes());
  const int64_t channels = transposed ? weight.size(0) : weight.size(1) * groups;
  TORCH_CHECK(input.size(1) == channels, "convolution: expected ", channels, " channels, got ", input.sizes());
  Sizes shape{input.size(0), transposed ? weight.size(1) * groups : weight.size(0)};
  for (int64_t d = 2; d < input.dim(); ++d) {
    const size_t i = static_cast<size_t>(d - 2);
    const int64_t reach = along(dilation, i) * (weight.size(d) - 1), border = 2 * along(padding, i);
    const int64_t side = transposed
        ? (input.size(d) - 1) * along(stride, i) - border + reach + along(outputPadding, i) + 1
        : (input.size(d) + border - reach - 1) / along(stride, i) + 1;
    TORCH_CHECK(input.size(d) + border > reach || transposed, "convolution: the kernel is larger than the input ",
                input.sizes());
    shape.push_back(side);
  }
  return at::empty(shape, input.options());
}

Sizes reduced(const Tensor& self, at::OptionalIntArrayRef dims, bool keep) {
  const bool every = !dims.has_value() || dims->empty();
  std::vector<bool> gone(static_cast<size_t>(self.dim()), every);
  if (!every)
    for (int64_t dim : *dims) gone[static_cast<size_t>(at::maybe_wrap_dim(dim, self.dim()))] = true;
  Sizes shape;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (!gone[static_cast<size_t>(d)]) shape.push_back(self.size(d));
    else if (keep) shape.push_back(1);
  }
  return shape;
}

/** Variance and standard deviation. */
Tensor spread(const Tensor& self, at::OptionalIntArrayRef dims, const std::optional<at::Scalar>&, bool keep) {
  return at::empty(reduced(self, dims, keep), self.options());
}

Tensor whereSelf(const Tensor& condition, const Tensor& self, const Tensor& other) {
  const auto shape = at::infer_size(at::infer_size(condition.sizes(), self.sizes()), other.sizes());
  return at::empty(shape, self.options().dtype(at::result_type(self, other)));
}

Tensor& whereOut(const Tensor& condition, const Tensor& self, const Tensor& other, Tensor& out) {
  out.resize_(at::infer_size(at::infer_size(condition.sizes(), self.sizes()), other.sizes()));
  return out;
}

Tensor& unaryOut(const Tensor& self, Tensor& out) {
  out.resize_(self.sizes());
  return out;
}

Tensor& logicalOut(const Tensor& self, const Tensor& other, Tensor& out) {
  out.resize_(at::infer_size(self.sizes(), other.sizes()));
  return out;
}

Tensor relu(const Tensor& self) { return at::empty_like(self); }

/** Two vectors: what matmul of [N] and [N] comes to. */
Tensor dot(const Tensor& self, const Tensor& other) {
  TORCH_CHECK(self.dim() == 1 && self.sizes() == other.sizes(), "dot: expected two vectors of one length, got ",
              self.sizes(), " and ", other.sizes());
  return at::empty({}, self.options());
}

/** Cross entropy of [B C H W]; reduction 0 is none. */
std::tuple<Tensor, Tensor> nllLoss2d(const Tensor& self, const Tensor& target, const Optional&, int64_t reduction,
                                     c10::SymInt) {
  return {at::empty(reduction == 0 ? target.sizes() : at::IntArrayRef{}, self.options()), at::empty({}, self.options())};
}

Tensor roll(const Tensor& self, c10::SymIntArrayRef, at::IntArrayRef) { return at::empty(self.sizes(), self.options()); }
Tensor flip(const Tensor& self, at::IntArrayRef dims) {
  for (int64_t dim : dims) at::maybe_wrap_dim(dim, self.dim());
  return at::empty(self.sizes(), self.options());
}

Tensor reflectionPad2d(const Tensor& self, c10::SymIntArrayRef padding) {
  TORCH_CHECK(padding.size() == 4 && (self.dim() == 3 || self.dim() == 4), "reflection_pad2d: expected [B C H W] and 4 numbers, got ",
              self.sizes());
  Sizes shape(self.sizes().begin(), self.sizes().end());
  for (size_t i = 0; i < 2; ++i) {
    int64_t& side = shape[shape.size() - 1 - i];
    const int64_t before = padding[2 * i].expect_int(), after = padding[2 * i + 1].expect_int();
    TORCH_CHECK(before < side && after < side, "reflection_pad2d: the padding ", padding, " must be below the sides ",
                self.sizes());
    side += before + after;
  }
  return at::empty(shape, self.options());
}

/** x1 [… P M], x2 [… R M] -> [… P R] */
Tensor cdistForward(const Tensor& x1, const Tensor& x2, double, std::optional<int64_t>) {
  TORCH_CHECK(x1.dim() >= 2 && x2.dim() >= 2 && x1.size(-1) == x2.size(-1), "cdist: expected two sets of rows of one width, got ",
              x1.sizes(), " and ", x2.sizes());
  Sizes shape = at::infer_size(x1.sizes().slice(0, static_cast<size_t>(x1.dim()) - 2), x2.sizes().slice(0, static_cast<size_t>(x2.dim()) - 2));
  shape.push_back(x1.size(-2));
  shape.push_back(x2.size(-2));
  return at::empty(shape, x1.options());
}

Tensor indexSelect(const Tensor& self, int64_t dim, const Tensor& index) {
  TORCH_CHECK(index.dim() <= 1, "index_select: expected a vector of indices, got ", index.sizes());
  Sizes shape(self.sizes().begin(), self.sizes().end());
  if (!shape.empty()) shape[static_cast<size_t>(at::maybe_wrap_dim(dim, self.dim()))] = index.numel();
  return at::empty(shape, self.options());
}

std::tuple<Tensor, Tensor> logSigmoid(const Tensor& self) { return {at::empty_like(self), at::empty_like(self)}; }

/** self [… H W] -> [… h w] */
Tensor adaptiveAveragePool2d(const Tensor& self, c10::SymIntArrayRef size) {
  Sizes shape(self.sizes().begin(), self.sizes().end());
  for (size_t i = 0; i < 2; ++i) shape[shape.size() - 2 + i] = size[i].expect_int();
  return at::empty(shape, self.options());
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, Meta, m) {
  m.impl("native_layer_norm", layerNorm);
  m.impl("native_batch_norm", batchNorm);
  m.impl("convolution", convolution);
  m.impl("var.correction", spread);
  m.impl("std.correction", spread);
  m.impl("where.self", whereSelf);
  m.impl("where.self_out", whereOut);
  m.impl("abs.out", unaryOut);
  m.impl("logical_and.out", logicalOut);
  m.impl("logical_or.out", logicalOut);
  m.impl("logical_not.out", unaryOut);
  m.impl("relu", relu);
  m.impl("dot", dot);
  m.impl("nll_loss2d_forward", nllLoss2d);
  m.impl("roll", roll);
  m.impl("flip", flip);
  m.impl("reflection_pad2d", reflectionPad2d);
  m.impl("_cdist_forward", cdistForward);
  m.impl("index_select", indexSelect);
  m.impl("log_sigmoid_forward", logSigmoid);
  m.impl("_adaptive_avg_pool2d", adaptiveAveragePool2d);
}
