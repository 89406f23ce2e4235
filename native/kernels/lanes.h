// Sixteen numbers at once, in float32 whatever they are stored in: what a kernel is written in. A kernel is compiled for AVX-512, and by
// the file of its name in avx2/ for AVX2, each in a namespace of its own; kernels.h says which of them runs. Included last: what
// follows it in a file is compiled for that kind of processor and must not run on another.
#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "kernels.h"

// GCC 12's own header leaves unused lanes of intrinsics uninitialised and warns of it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options

namespace lacuna::kernels {

using c10::BFloat16;

constexpr int64_t kLanes = 16;

}  // namespace lacuna::kernels

#ifdef LACUNA_AVX2
#include "lanes/avx2.h"
#define LANES avx2
#else
#include "lanes/avx512.h"
#define LANES avx512
#endif

/** An operator: what computes, what has a gradient, and what knows shapes alone. */
#define REGISTER(operation, plain, withGradient, shape)                                                            \
  TORCH_LIBRARY_IMPL(lacuna, CPU, library) { if (runsHere()) library.impl(operation, plain); }                    \
  TORCH_LIBRARY_IMPL(lacuna, AutogradCPU, library) { if (runsHere()) library.impl(operation, withGradient); }     \
  TORCH_LIBRARY_IMPL(lacuna, Meta, library) { if (runsHere()) library.impl(operation, shape); }

namespace lacuna::kernels::LANES {

/** Whether this file's kernels are the ones that this processor runs. */
inline bool runsHere() { return std::string_view(path()).substr(0, std::string_view(kName).size()) == kName; }

/** each(a number of the tensor's type): float32, and bfloat16 where the processor multiplies it. */
template <typename F>
inline auto inTypeOf(const at::Tensor& x, const char* operation, F each) {
  const at::ScalarType type = x.scalar_type();
  if constexpr (kHasBfloat16) {
    if (type == at::kBFloat16 && multipliesBfloat16()) return each(BFloat16());
  }
  TORCH_CHECK(type == at::kFloat, operation, ": expected float32", multipliesBfloat16() ? " or bfloat16" : "", ", got ", type);
  return each(float());
}

/** Adds a row of numbers to another. */
template <typename T>
inline void addRow(const T* from, T* to, int64_t width) {
  int64_t c = 0;
  for (; c + kLanes <= width; c += kLanes) store(to + c, load(to + c) + load(from + c));
  for (; c < width; ++c) to[c] = static_cast<T>(static_cast<float>(to[c]) + static_cast<float>(from[c]));
}

/** ((p x + c) x + d) … by Horner's rule */
template <typename... C>
inline Floats polynomial(Floats p, Floats x, C... coefficients) {
  ((p = multiplyAdd(p, x, all(coefficients))), ...);
  return p;
}

/** e^x to one unit in the last place; x beyond ± 88.3 counts as that. What is no number stays none. */
inline Floats exponential(Floats x) {
  x = larger(all(-88.3f), smaller(all(88.3f), x));
  const Floats n = rounded(x * all(1.44269504f));
  Floats r = subtractProduct(n, all(0.693359375f), x);
  r = subtractProduct(n, all(-2.12194440e-4f), r);
  Floats p = all(1.98756915e-4f);  // Cephes, expf.c: the interval ± ln 2 / 2
  p = polynomial(p, r, 1.39819995e-3f, 8.33345191e-3f, 4.16657960e-2f, 1.66666655e-1f, 5.00000012e-1f);
  p = multiplyAdd(r * r, p, r) + all(1.0f);
  return timesPowerOfTwo(p, n);
}

}  // namespace lacuna::kernels::LANES
