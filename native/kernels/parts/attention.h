// What attention.cc computes, for operations that have attention inside. Included last, as lanes.h is.
#pragma once

#include <ATen/core/Tensor.h>

#include "../lanes.h"

namespace lacuna::kernels::LANES {

/** Heads side by side [B N H·d], and of each row of scores its largest and one over its sum [B H N 2]. */
struct Attended {
  at::Tensor out, rows;
};

/** packed [B N 3·H·d]; a bias [3·H·d] is added to it in place, which must be float32 and one number behind the other. */
Attended attentionForward(const at::Tensor& packed, int64_t heads, const float* bias);

/** The gradient of `packed`, and of a bias where there is room for it. */
at::Tensor attentionBackward(const at::Tensor& packed, const at::Tensor& gradient, const at::Tensor& rows, int64_t heads, at::Tensor* bias);

}  // namespace lacuna::kernels::LANES
