// Rows of tokens: what masking, shuffling back and picking the hidden patches ask for. Whole rows are copied, where ATen's gather
// reads an index for every number.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels.h"
#include "lanes.h"

namespace lacuna::kernels::LANES {
namespace {

struct Shape {
  int64_t pictures, tokens, wanted, width;
};

Shape shapeOf(const at::Tensor& x, const at::Tensor& ids) {
  TORCH_CHECK(x.dim() == 3 && ids.dim() == 2 && ids.size(0) == x.size(0) && ids.scalar_type() == at::kLong,
              "take: expected tokens [B N D] and int64 rows [B K], got ", x.sizes(), " and ", ids.scalar_type(), " ", ids.sizes());
  return {x.size(0), x.size(1), ids.size(1), x.size(2)};
}

/** each(position in [B K], row in [B N]) of picture after picture, threads taking whole pictures. */
template <typename F>
void eachRow(const Shape& s, const at::Tensor& rows, F each) {
  const at::Tensor ids = rows.contiguous();
  const int64_t* id = ids.const_data_ptr<int64_t>();
  at::parallel_for(0, s.pictures, grainOf(s.wanted * s.width), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t k = b * s.wanted; k < (b + 1) * s.wanted; ++k) {
        TORCH_CHECK_INDEX(id[k] >= 0 && id[k] < s.tokens, "take: expected rows from 0 to ", s.tokens - 1, ", got ", id[k]);
        each(k, b * s.tokens + id[k]);
      }
    }
  });
}

at::Tensor taken(const at::Tensor& given, const at::Tensor& ids) {
  const Shape s = shapeOf(given, ids);
  const at::Tensor x = given.contiguous();
  at::Tensor result = at::empty({s.pictures, s.wanted, s.width}, x.options());
  const size_t bytes = s.width * x.element_size();
  const auto* from = static_cast<const char*>(x.const_data_ptr());
  auto* to = static_cast<char*>(result.mutable_data_ptr());
  eachRow(s, ids, [&](int64_t at, int64_t row) { std::memcpy(to + at * bytes, from + row * bytes, bytes); });
  return result;
}

template <typename T>
at::Tensor gradientOf(const Shape& s, const at::Tensor& incoming, const at::Tensor& ids) {
  at::Tensor result = at::zeros({s.pictures, s.tokens, s.width}, incoming.options());
  const T* from = incoming.const_data_ptr<T>();
  T* to = result.mutable_data_ptr<T>();
  eachRow(s, ids, [&](int64_t at, int64_t row) { addRow(from + at * s.width, to + row * s.width, s.width); });
  return result;
}

struct TakeBackward : torch::autograd::Function<TakeBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& ids) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({ids});
    context->saved_data["tokens"] = x.size(1);
    return taken(x, ids);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const at::Tensor ids = context->get_saved_variables()[0], incoming = gradients[0].contiguous();
    const Shape s{incoming.size(0), context->saved_data["tokens"].toInt(), incoming.size(1), incoming.size(2)};
    return {inTypeOf(incoming, "take", [&](auto number) { return gradientOf<decltype(number)>(s, incoming, ids); }), at::Tensor()};
  }
};

at::Tensor takeWithGradient(const at::Tensor& x, const at::Tensor& ids) {
  if (!x.requires_grad()) return taken(x, ids);  // of any type: tokens are whole numbers
  return TakeBackward::apply(x, ids);
}
at::Tensor takeShape(const at::Tensor& x, const at::Tensor& ids) {
  const Shape s = shapeOf(x, ids);
  return at::empty({s.pictures, s.wanted, s.width}, x.options());
}

}  // namespace

REGISTER("take", taken, takeWithGradient, takeShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
