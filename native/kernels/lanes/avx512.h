// Sixteen numbers in one register of AVX-512. Part of lanes.h.
#pragma once

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")

namespace lacuna::kernels::avx512 {

using Floats = __m512;
using Units = __m512i;
using Mask = __mmask16;

/** What `path()` begins with where these run. */
constexpr char kName[] = "avx512";
constexpr bool kHasBfloat16 = true;

/** Columns of a product that stay in registers, in sixteens: with six rows 6 x 4 sums, 4 columns and a broadcast, 29 of 32 registers. */
constexpr int kBlocks = 4;

inline Floats zeros() { return _mm512_setzero_ps(); }
inline Units noUnits() { return _mm512_setzero_si512(); }
inline Floats all(float x) { return _mm512_set1_ps(x); }
inline Units allUnits(int unit) { return _mm512_set1_epi32(unit); }
inline Floats asFloats(Units x) { return _mm512_castsi512_ps(x); }
inline Units asUnits(Floats x) { return _mm512_castps_si512(x); }

inline Floats load(const float* from) { return _mm512_loadu_ps(from); }
inline Floats load(const BFloat16* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
inline Units loadUnits(const void* from) { return _mm512_loadu_si512(from); }

inline void store(float* to, Floats value) { _mm512_storeu_ps(to, value); }
/** Rounds to nearest even; numbers below float32's smallest normal one become zero. */
inline void store(BFloat16* to, Floats value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
}
inline void store(void* to, Units units) { _mm512_storeu_si512(to, units); }

/** The first `count` of sixteen. */
inline Mask firstLanes(int64_t count) {
  return count >= kLanes ? 0xffff : count <= 0 ? 0 : static_cast<Mask>((1u << count) - 1);
}
/** Those of the mask, zeros beyond; nothing beyond is read. */
inline Floats loadSome(Mask mask, const float* from) { return _mm512_maskz_loadu_ps(mask, from); }
inline Units loadSomeUnits(Mask mask, const void* from) { return _mm512_maskz_loadu_epi32(mask, from); }
inline Floats choose(Mask mask, Floats yes, Floats no) { return _mm512_mask_mov_ps(no, mask, yes); }
inline Mask isNegative(Floats x) { return _mm512_movepi32_mask(asUnits(x)); }

/** a b + c, a b - c, c - a b */
inline Floats multiplyAdd(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats multiplySubtract(Floats a, Floats b, Floats c) { return _mm512_fmsub_ps(a, b, c); }
inline Floats subtractProduct(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }

/** Where a number is none, the second. */
inline Floats smaller(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats magnitude(Floats x) { return _mm512_abs_ps(x); }
inline float sumOf(Floats x) { return _mm512_reduce_add_ps(x); }
inline float largestOf(Floats x) { return _mm512_reduce_max_ps(x); }

inline Floats rounded(Floats x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT); }
inline Units truncated(Floats x) { return _mm512_cvttps_epi32(x); }
inline Floats toFloats(Units x) { return _mm512_cvtepi32_ps(x); }
/** x 2^n of whole n */
inline Floats timesPowerOfTwo(Floats x, Floats n) { return _mm512_scalef_ps(x, n); }

/** Entries of a table of 32. */
inline Floats lookUp(const Floats& low, Units at, const Floats& high) { return _mm512_permutex2var_ps(low, at, high); }

/** Sums plus products of pairs of bfloat16. */
inline Floats multiplied(Floats sum, Units a, Units b, BFloat16) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

/** Sixteen numbers as bfloat16, each in the lower half of a unit. */
inline Units halves(const BFloat16* row) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row))); }
inline Units halves(const float* row) { return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(row)))); }

/** Sixteen numbers of two rows as sixteen pairs; no second row is one of zeros. */
template <typename T>
inline Units pairOf(const T* first, const T* second) {
  return second == nullptr ? halves(first) : _mm512_or_si512(halves(first), _mm512_slli_epi32(halves(second), 16));
}

/** Up to 32 numbers that follow one another as sixteen pairs. */
inline Units pairsAlong(const float* row, int64_t count, BFloat16) {
  const Floats low = loadSome(firstLanes(count), row), high = loadSome(firstLanes(count - kLanes), row + kLanes);
  return reinterpret_cast<Units>(_mm512_cvtne2ps_pbh(high, low));
}

/** Sixteen rows of sixteen units, mirrored at the diagonal. */
inline void mirror(Units (&r)[16]) {
  Units t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

}  // namespace lacuna::kernels::avx512
