// A tensor's numbers in the other type, in one pass. Included last, as lanes.h is.
#pragma once

#include <ATen/ops/empty.h>

#include "../kernels.h"
#include "../lanes.h"

namespace lacuna::kernels::LANES {

template <typename From, typename To>
inline void castAll(const From* from, To* to, int64_t count) {
  const int64_t whole = count / kLanes * kLanes;
  at::parallel_for(0, whole / kLanes, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) store(to + i, load(from + i));
  });
  for (int64_t i = whole; i < count; ++i) to[i] = static_cast<To>(static_cast<float>(from[i]));
}

/** The tensor in this type, one number behind the other; what is so already, as it is. */
inline at::Tensor cast(const at::Tensor& given, at::ScalarType type) {
  const at::Tensor tensor = given.contiguous();
  const at::ScalarType from = tensor.scalar_type();
  if (from == type) return tensor;
  at::Tensor result = at::empty(tensor.sizes(), tensor.options().dtype(type));
  if (from == at::kFloat && type == at::kBFloat16) castAll(tensor.const_data_ptr<float>(), result.mutable_data_ptr<BFloat16>(), tensor.numel());
  else if (from == at::kBFloat16 && type == at::kFloat) castAll(tensor.const_data_ptr<BFloat16>(), result.mutable_data_ptr<float>(), tensor.numel());
  else result.copy_(tensor);
  return result;
}

}  // namespace lacuna::kernels::LANES
