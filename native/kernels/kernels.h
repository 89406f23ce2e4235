// Kernels of our own for training on CPUs, where libtorch's pass over memory more often than they must. Each is an operator of the
// namespace `lacuna`, called through the same door as ATen's, with its own node of autograd; src/tensor/kernels.ts chooses.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

namespace lacuna::kernels {

/**
 * What this processor runs: "avx512-bf16", "avx512" (float32 alone), "avx2" (float32 alone) or "none"; "avx512-bf16-amx" where libtorch's
 * products of bfloat16 are quicker than ours. LACUNA_KERNELS asks for less than there is: one of these names, or "off".
 */
const char* path();

/** Whether kernels run in bfloat16. */
bool multipliesBfloat16();

/** Rows of a matrix that one thread should at least have, so that starting it pays: about 16 K numbers. */
inline int64_t grainOf(int64_t width) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)); }

}  // namespace lacuna::kernels
