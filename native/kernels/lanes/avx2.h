// Sixteen numbers in two registers of AVX2, whose products are float32's alone. Part of lanes.h.
#pragma once

#pragma GCC target("avx2,fma")

namespace lacuna::kernels::avx2 {

struct Floats {
  __m256 first, second;
};
struct Units {
  __m256i first, second;
};
using Mask = Units;  // all bits of a lane, or none

/** What `path()` begins with where these run. */
constexpr char kName[] = "avx2";
constexpr bool kHasBfloat16 = false;

/** Columns of a product that stay in registers, in sixteens: with six rows 6 x 2 sums, 2 columns and a broadcast, 15 of 16 registers. */
constexpr int kBlocks = 1;

inline Floats zeros() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
inline Units noUnits() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Floats all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Units allUnits(int unit) { return {_mm256_set1_epi32(unit), _mm256_set1_epi32(unit)}; }
inline Floats asFloats(Units x) { return {_mm256_castsi256_ps(x.first), _mm256_castsi256_ps(x.second)}; }
inline Units asUnits(Floats x) { return {_mm256_castps_si256(x.first), _mm256_castps_si256(x.second)}; }

inline Floats operator+(Floats a, Floats b) { return {a.first + b.first, a.second + b.second}; }
inline Floats operator-(Floats a, Floats b) { return {a.first - b.first, a.second - b.second}; }
inline Floats operator*(Floats a, Floats b) { return {a.first * b.first, a.second * b.second}; }

inline Floats load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
inline Units loadUnits(const void* from) {
  const auto* units = static_cast<const __m256i*>(from);
  return {_mm256_loadu_si256(units), _mm256_loadu_si256(units + 1)};
}

inline void store(float* to, Floats value) {
  _mm256_storeu_ps(to, value.first);
  _mm256_storeu_ps(to + 8, value.second);
}
inline void store(void* to, Units units) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), units.first);
  _mm256_storeu_si256(static_cast<__m256i*>(to) + 1, units.second);
}

/** The first `count` of sixteen. */
inline Mask firstLanes(int64_t count) {
  const __m256i most = _mm256_set1_epi32(static_cast<int>(count < 0 ? 0 : count > kLanes ? kLanes : count));
  return {_mm256_cmpgt_epi32(most, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), _mm256_cmpgt_epi32(most, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
}
/** Those of the mask, zeros beyond; nothing beyond is read. */
inline Floats loadSome(Mask mask, const float* from) { return {_mm256_maskload_ps(from, mask.first), _mm256_maskload_ps(from + 8, mask.second)}; }
inline Units loadSomeUnits(Mask mask, const void* from) {
  const auto* units = static_cast<const int*>(from);
  return {_mm256_maskload_epi32(units, mask.first), _mm256_maskload_epi32(units + 8, mask.second)};
}
inline Floats choose(Mask mask, Floats yes, Floats no) {
  const Floats bits = asFloats(mask);
  return {_mm256_blendv_ps(no.first, yes.first, bits.first), _mm256_blendv_ps(no.second, yes.second, bits.second)};
}
/** a b + c, a b - c, c - a b */
inline Floats multiplyAdd(Floats a, Floats b, Floats c) { return {_mm256_fmadd_ps(a.first, b.first, c.first), _mm256_fmadd_ps(a.second, b.second, c.second)}; }
inline Floats multiplySubtract(Floats a, Floats b, Floats c) { return {_mm256_fmsub_ps(a.first, b.first, c.first), _mm256_fmsub_ps(a.second, b.second, c.second)}; }
inline Floats subtractProduct(Floats a, Floats b, Floats c) { return {_mm256_fnmadd_ps(a.first, b.first, c.first), _mm256_fnmadd_ps(a.second, b.second, c.second)}; }

/** Where a number is none, the second. */
inline Floats smaller(Floats a, Floats b) { return {_mm256_min_ps(a.first, b.first), _mm256_min_ps(a.second, b.second)}; }
inline Floats larger(Floats a, Floats b) { return {_mm256_max_ps(a.first, b.first), _mm256_max_ps(a.second, b.second)}; }
inline float sumOf(Floats x) {
  const __m256 eight = x.first + x.second;
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float largestOf(Floats x) {
  const __m256 eight = _mm256_max_ps(x.first, x.second);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline Floats rounded(Floats x) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.first, kNearest), _mm256_round_ps(x.second, kNearest)};
}

/** 2^n of whole n */
inline __m256 powerOfTwo(__m256i n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23)); }
/** x 2^n of whole n between -252 and 254: in two steps, for 2^n alone may be smaller than float32's smallest normal number */
inline __m256 timesPowerOfTwo(__m256 x, __m256 n) {
  const __m256i whole = _mm256_cvtps_epi32(n), one = _mm256_srai_epi32(whole, 1);
  return x * powerOfTwo(one) * powerOfTwo(_mm256_sub_epi32(whole, one));
}
inline Floats timesPowerOfTwo(Floats x, Floats n) { return {timesPowerOfTwo(x.first, n.first), timesPowerOfTwo(x.second, n.second)}; }

/** Eight rows of eight units, mirrored at the diagonal. */
inline void mirror(__m256i (&r)[8]) {
  __m256i t[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) r[i] = t[i];
}

/** Sixteen rows of sixteen units, mirrored at the diagonal: four squares of eight, of which two change places. */
inline void mirror(Units (&r)[16]) {
  __m256i square[2][2][8];
  for (int i = 0; i < 16; ++i) {
    square[i / 8][0][i % 8] = r[i].first;
    square[i / 8][1][i % 8] = r[i].second;
  }
  for (auto& row : square)
    for (auto& each : row) mirror(each);
  for (int i = 0; i < 16; ++i) r[i] = {square[0][i / 8][i % 8], square[1][i / 8][i % 8]};
}

}  // namespace lacuna::kernels::avx2
