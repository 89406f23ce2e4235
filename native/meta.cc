// Shape kernels for the `meta` device. PyTorch writes these in Python, so libtorch alone lacks them; a plan of a
// model (parameters, multiply-adds) needs only shapes.
#include <ATen/ops/empty.h>
#include <ATen/ExpandUtils.h>
#include <torch/library.h>

namespace {

std::tuple<at::Tensor, at::Tensor, at::Tensor> layerNorm(const at::Tensor& input, c10::SymIntArrayRef normalized,
                                                         const std::optional<at::Tensor>&,
                                                         const std::optional<at::Tensor>&, double) {
  const auto shape = input.sizes();
  TORCH_CHECK(normalized.size() <= shape.size(), "layer_norm: the input has too few dimensions");
  std::vector<int64_t> statistics(shape.begin(), shape.end());
  for (size_t i = 0; i < normalized.size(); ++i) {
    const size_t axis = shape.size() - normalized.size() + i;
    TORCH_CHECK(normalized[i].expect_int() == shape[axis], "layer_norm: expected the last dimension to be ",
                normalized[i], ", got ", shape[axis]);
    statistics[axis] = 1;
  }
  return {at::empty(shape, input.options()), at::empty(statistics, input.options()), at::empty(statistics, input.options())};
}

at::Tensor where(const at::Tensor& condition, const at::Tensor& self, const at::Tensor& other) {
  const auto shape = at::infer_size(at::infer_size(condition.sizes(), self.sizes()), other.sizes());
  return at::empty(shape, self.options());
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, Meta, m) {
  m.impl("native_layer_norm", layerNorm);
  m.impl("where.self", where);
}
