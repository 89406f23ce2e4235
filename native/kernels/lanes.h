// Sixteen numbers at once (AVX-512), in float32 whatever they are stored in. Included last: what follows it in a file is compiled
// for processors with AVX-512 and its bfloat16 products, and runs only where `hasLanes()`.
#pragma once

#include <c10/util/BFloat16.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>

// GCC 12's own header leaves unused lanes of intrinsics uninitialised and warns of it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")

namespace lacuna::kernels {

using c10::BFloat16;

constexpr int64_t kLanes = 16;

inline __m512 load(const float* from) { return _mm512_loadu_ps(from); }
inline __m512 load(const BFloat16* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

inline void store(float* to, __m512 value) { _mm512_storeu_ps(to, value); }
/** Rounds to nearest even; numbers below float32's smallest normal one become zero. */
inline void store(BFloat16* to, __m512 value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
}

/** Adds a row of numbers to another. */
template <typename T>
inline void addRow(const T* from, T* to, int64_t width) {
  int64_t c = 0;
  for (; c + kLanes <= width; c += kLanes) store(to + c, _mm512_add_ps(load(to + c), load(from + c)));
  for (; c < width; ++c) to[c] = static_cast<T>(static_cast<float>(to[c]) + static_cast<float>(from[c]));
}

/** ((p x + c) x + d) … by Horner's rule */
template <typename... C>
inline __m512 polynomial(__m512 p, __m512 x, C... coefficients) {
  ((p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(coefficients))), ...);
  return p;
}

/** e^x to one unit in the last place; x beyond ± 88.3 counts as that. What is no number stays none: min and max give their second. */
inline __m512 exponential(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-88.3f), _mm512_min_ps(_mm512_set1_ps(88.3f), x));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.98756915e-4f);  // Cephes, expf.c: the interval ± ln 2 / 2
  p = polynomial(p, r, 1.39819995e-3f, 8.33345191e-3f, 4.16657960e-2f, 1.66666655e-1f, 5.00000012e-1f);
  p = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(r, r), p, r), _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

/** The first `count` of sixteen. */
inline __mmask16 firstLanes(int64_t count) {
  return count >= kLanes ? 0xffff : static_cast<__mmask16>((1u << count) - 1);
}

}  // namespace lacuna::kernels
