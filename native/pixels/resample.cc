// The two passes of src/data/resample/passes.ts, equal to them (and so to Pillow) to the bit, with AVX2.
//
// A weight has 22 bits behind the point and a sign; pixels have 8. The processor multiplies pairs of 16-bit numbers and
// adds them in one instruction (madd), so each weight w is split into w = 4096 h + l with 0 <= l < 4096, and
// sum(p w) = 4096 sum(p h) + sum(p l): both sums are exact in 32 bits, and so is the result, modulo 2^32 as in Pillow.
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels.h"

namespace pixels {
namespace {

constexpr int kPrecision = 22;
constexpr int kHalf = 1 << (kPrecision - 1);
constexpr int kLowBits = 12;
/** sum(p l) of so many taps stays below 2^31; pictures that shrink more take the way in JavaScript. */
constexpr int kMostTaps = 2000;

/** src/data/resample/weights.ts: Weights. */
struct Weights {
  const int32_t* first = nullptr;
  const int32_t* count = nullptr;
  const int32_t* values = nullptr;
  int stride = 0;
  int length = 0;
};

struct Plane {
  const uint8_t* data;
  size_t rowBytes;
  int height, width;
};

/** Kept by each thread: memory from the system would have to be cleared for every picture. */
struct Scratch {
  std::vector<uint8_t> between;
  std::vector<int32_t> pairs, starts;
};
thread_local Scratch scratch;

inline int32_t pairOf(int32_t a, int32_t b) {
  return static_cast<int32_t>((static_cast<uint32_t>(b) << 16) | (static_cast<uint32_t>(a) & 0xffff));
}
inline int32_t high(int32_t w) { return w >> kLowBits; }
inline int32_t low(int32_t w) { return w & ((1 << kLowBits) - 1); }

/**
 * Weights in pairs as madd takes them: for each position and each two taps the high parts, then the low parts. All
 * positions get as many pairs, a multiple of `step`, so that the loop over them needs no guess: those too many weigh 0.
 * Where they would reach over the end of the input they begin further left, at `starts`.
 */
int packPairs(const Weights& weights, int step, int input, Scratch& to) {
  int most = 0;
  for (int i = 0; i < weights.length; ++i) most = std::max(most, weights.count[i]);
  const int pairs = ((most + 1) / 2 + step - 1) / step * step;
  to.starts.resize(weights.length);
  to.pairs.assign(static_cast<size_t>(weights.length) * pairs * 2, 0);
  for (int i = 0; i < weights.length; ++i) {
    const int32_t* w = weights.values + static_cast<size_t>(i) * weights.stride;
    const int start = std::max(0, std::min(weights.first[i], input - 2 * pairs));
    const int shift = weights.first[i] - start;
    to.starts[i] = start;
    int32_t* packed = to.pairs.data() + static_cast<size_t>(i) * pairs * 2;
    for (int pair = 0; pair < pairs; ++pair) {
      const int tap = 2 * pair - shift;
      const int32_t first = tap >= 0 && tap < weights.count[i] ? w[tap] : 0;
      const int32_t second = tap + 1 >= 0 && tap + 1 < weights.count[i] ? w[tap + 1] : 0;
      packed[2 * pair] = pairOf(high(first), high(second));
      packed[2 * pair + 1] = pairOf(low(first), low(second));
    }
  }
  return pairs;
}

inline uint8_t clip(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

/** One row, any number of channels. */
void horizontalRow(const uint8_t* row, uint8_t* to, const Weights& weights, int channels) {
  for (int x = 0; x < weights.length; ++x) {
    const int32_t* w = weights.values + static_cast<size_t>(x) * weights.stride;
    const uint8_t* from = row + static_cast<size_t>(weights.first[x]) * channels;
    for (int channel = 0; channel < channels; ++channel) {
      uint32_t sum = kHalf;
      for (int tap = 0; tap < weights.count[x]; ++tap) {
        sum += static_cast<uint32_t>(from[tap * channels + channel]) * static_cast<uint32_t>(w[tap]);
      }
      *to++ = clip(static_cast<int32_t>(sum));
    }
  }
}

#define AVX2 __attribute__((target("avx2")))

/** Two pixels of 3 or 4 channels as pairs of 16 bits, channel by channel: r0 r1 g0 g1 b0 b1 a0 a1. From byte `at` on. */
AVX2 inline __m256i pairsOfTwo(int channels, int at) {
  alignas(32) int8_t order[32];
  for (int lane = 0; lane < 32; lane += 16) {
    for (int channel = 0; channel < 4; ++channel) {
      const bool there = channel < channels;
      for (int pixel = 0; pixel < 2; ++pixel) {
        order[lane + channel * 4 + pixel * 2] = there ? static_cast<int8_t>(at + pixel * channels + channel) : -128;
        order[lane + channel * 4 + pixel * 2 + 1] = -128;  // the upper byte: zero
      }
    }
  }
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(order));
}

AVX2 inline __m256i loadTwoRows(const uint8_t* upper, const uint8_t* lower) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a), _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower)), 1);
}

/** What a pass over rows needs of scratch memory and of the weights. */
struct Packed {
  const int32_t* pairs;
  const int32_t* starts;
  int length, channels;
};

AVX2 inline __m256i finished(__m256i highs, __m256i lows) {
  const __m256i sums = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(highs, kLowBits), lows), kPrecision);
  const __m256i shorts = _mm256_packs_epi32(sums, sums);
  return _mm256_packus_epi16(shorts, shorts);
}

AVX2 inline void put(__m256i bytes, uint8_t* upper, uint8_t* lower, bool threeOnly) {
  const int32_t first = _mm256_extract_epi32(bytes, 0), second = _mm256_extract_epi32(bytes, 4);
  if (threeOnly) {
    std::memcpy(upper, &first, 3);
    std::memcpy(lower, &second, 3);
  } else {
    std::memcpy(upper, &first, 4);
    std::memcpy(lower, &second, 4);
  }
}

/**
 * Four rows of 3 or 4 channels, four taps at a time, `Groups` times (0: as often as `groups` says). Reads up to 16 bytes
 * from each pixel on, and writes 4 bytes a position: the next position overwrites what is too much, and the last one
 * writes no more than its own.
 */
template <int Groups>
AVX2 void horizontalRows(const uint8_t* from, size_t fromBytes, uint8_t* to, size_t toBytes, const Packed& packed,
                         int groups) {
  const int channels = packed.channels, count = Groups > 0 ? Groups : groups;
  const __m256i firstTwo = pairsOfTwo(channels, 0), nextTwo = pairsOfTwo(channels, 2 * channels);
  const int32_t* w = packed.pairs;
  for (int x = 0; x < packed.length; ++x, to += channels) {
    const uint8_t* a = from + static_cast<size_t>(packed.starts[x]) * channels;
    __m256i highA = _mm256_setzero_si256(), highB = highA;
    __m256i lowA = _mm256_set1_epi32(kHalf), lowB = lowA;
    for (int group = 0; group < count; ++group, a += 4 * channels, w += 4) {
      const __m256i rowsA = loadTwoRows(a, a + fromBytes), rowsB = loadTwoRows(a + 2 * fromBytes, a + 3 * fromBytes);
      __m256i h = _mm256_set1_epi32(w[0]), l = _mm256_set1_epi32(w[1]);
      __m256i one = _mm256_shuffle_epi8(rowsA, firstTwo), two = _mm256_shuffle_epi8(rowsB, firstTwo);
      highA = _mm256_add_epi32(highA, _mm256_madd_epi16(one, h));
      lowA = _mm256_add_epi32(lowA, _mm256_madd_epi16(one, l));
      highB = _mm256_add_epi32(highB, _mm256_madd_epi16(two, h));
      lowB = _mm256_add_epi32(lowB, _mm256_madd_epi16(two, l));
      h = _mm256_set1_epi32(w[2]), l = _mm256_set1_epi32(w[3]);
      one = _mm256_shuffle_epi8(rowsA, nextTwo), two = _mm256_shuffle_epi8(rowsB, nextTwo);
      highA = _mm256_add_epi32(highA, _mm256_madd_epi16(one, h));
      lowA = _mm256_add_epi32(lowA, _mm256_madd_epi16(one, l));
      highB = _mm256_add_epi32(highB, _mm256_madd_epi16(two, h));
      lowB = _mm256_add_epi32(lowB, _mm256_madd_epi16(two, l));
    }
    const bool threeOnly = x + 1 == packed.length && channels == 3;
    put(finished(highA, lowA), to, to + toBytes, threeOnly);
    put(finished(highB, lowB), to + 2 * toBytes, to + 3 * toBytes, threeOnly);
  }
}

using Rows = void (*)(const uint8_t*, size_t, uint8_t*, size_t, const Packed&, int);
constexpr Rows kRows[] = {horizontalRows<0>, horizontalRows<1>, horizontalRows<2>, horizontalRows<3>, horizontalRows<4>};

/** One row of output: `length` bytes, each the weighted sum of `taps` bytes above each other; pairs hold them by two. */
AVX2 void verticalRow(const uint8_t* rows, size_t rowBytes, const int32_t* pairs, const int32_t* w, int taps, uint8_t* to,
                      size_t length) {
  size_t x = 0;
  for (; x + 16 <= length; x += 16) {
    __m256i highA = _mm256_setzero_si256(), highB = highA;
    __m256i lowA = _mm256_set1_epi32(kHalf), lowB = lowA;
    const uint8_t* from = rows + x;
    for (int tap = 0; tap < taps; tap += 2, from += 2 * rowBytes) {
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      // An odd last tap has a partner of weight 0: any row does.
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tap + 1 < taps ? from + rowBytes : from));
      const __m256i left = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
      const __m256i right = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
      const __m256i h = _mm256_set1_epi32(pairs[tap]), l = _mm256_set1_epi32(pairs[tap + 1]);
      highA = _mm256_add_epi32(highA, _mm256_madd_epi16(left, h));
      lowA = _mm256_add_epi32(lowA, _mm256_madd_epi16(left, l));
      highB = _mm256_add_epi32(highB, _mm256_madd_epi16(right, h));
      lowB = _mm256_add_epi32(lowB, _mm256_madd_epi16(right, l));
    }
    const __m256i left = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(highA, kLowBits), lowA), kPrecision);
    const __m256i right = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(highB, kLowBits), lowB), kPrecision);
    // packs works in each half by itself: put the quarters into order before the last step.
    const __m256i shorts = _mm256_permute4x64_epi64(_mm256_packs_epi32(left, right), 0xd8);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(shorts), _mm256_extracti128_si256(shorts, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + x), bytes);
  }
  for (; x < length; ++x) {
    uint32_t sum = kHalf;
    for (int tap = 0; tap < taps; ++tap) {
      sum += static_cast<uint32_t>(rows[tap * rowBytes + x]) * static_cast<uint32_t>(w[tap]);
    }
    to[x] = clip(static_cast<int32_t>(sum));
  }
}

/** How far behind its last pixel a row may be read. */
constexpr size_t kSlack = 32;

void horizontal(const Plane& from, const uint8_t* end, const Weights& weights, int channels, uint8_t* to) {
  const size_t toBytes = static_cast<size_t>(weights.length) * channels;
  int y = 0;
  if (channels == 3 || channels == 4) {
    const int groups = packPairs(weights, 2, from.width, scratch) / 2;
    const Packed packed{scratch.pairs.data(), scratch.starts.data(), weights.length, channels};
    const size_t reach = static_cast<size_t>(std::max(from.width, 4 * groups)) * channels + kSlack;
    const Rows rows = kRows[groups <= 4 ? groups : 0];
    for (; y + 4 <= from.height; y += 4) {
      const uint8_t* first = from.data + y * from.rowBytes;
      if (static_cast<size_t>(end - first) < 3 * from.rowBytes + reach) break;  // it would read behind the memory
      rows(first, from.rowBytes, to + y * toBytes, toBytes, packed, groups);
    }
  }
  for (; y < from.height; ++y) horizontalRow(from.data + y * from.rowBytes, to + y * toBytes, weights, channels);
}

void vertical(const Plane& from, int firstRow, const Weights& weights, int channels, uint8_t* to) {
  const size_t length = static_cast<size_t>(from.width) * channels;
  // As if the input had no end: each row begins at its first tap.
  const int pairs = packPairs(weights, 1, 1 << 30, scratch);
  for (int y = 0; y < weights.length; ++y) {
    const uint8_t* rows = from.data + (weights.first[y] - firstRow) * from.rowBytes;
    verticalRow(rows, from.rowBytes, scratch.pairs.data() + static_cast<size_t>(y) * pairs * 2,
                weights.values + static_cast<size_t>(y) * weights.stride, weights.count[y], to + y * length, length);
  }
}

/** Null and length 0 stand for a direction that does not change. */
bool weightsOf(napi_env env, napi_value first, napi_value count, napi_value values, int stride, int input, Weights& out) {
  const Bytes f = bytesOf(env, first), c = bytesOf(env, count), v = bytesOf(env, values);
  out = {reinterpret_cast<int32_t*>(f.data), reinterpret_cast<int32_t*>(c.data), reinterpret_cast<int32_t*>(v.data), stride,
         static_cast<int>(f.length / 4)};
  if (f.data == nullptr) {
    out.length = 0;
    return true;
  }
  if (c.length != f.length || v.length < f.length * stride) return false;
  for (int i = 0; i < out.length; ++i) {
    if (out.first[i] < 0 || out.count[i] < 1 || out.count[i] > std::min(stride, kMostTaps)) return false;
    if (out.first[i] > input - out.count[i]) return false;
  }
  return true;
}

struct Job {
  Plane plane;
  const uint8_t* end;
  Weights columns, rows;
  int channels;
  bool verticalFirst;
};

void run(const Job& job, uint8_t* target) {
  const auto& [plane, end, columns, rows, channels, verticalFirst] = job;
  if (columns.length == 0) return vertical(plane, 0, rows, channels, target);
  if (rows.length == 0) return horizontal(plane, end, columns, channels, target);
  if (verticalFirst) {
    const size_t bytes = static_cast<size_t>(rows.length) * plane.width * channels;
    scratch.between.resize(bytes + kSlack);
    vertical(plane, 0, rows, channels, scratch.between.data());
    const Plane between{scratch.between.data(), static_cast<size_t>(plane.width) * channels, rows.length, plane.width};
    return horizontal(between, scratch.between.data() + bytes + kSlack, columns, channels, target);
  }
  const int first = rows.first[0];
  const int count = rows.first[rows.length - 1] + rows.count[rows.length - 1] - first;
  scratch.between.resize(static_cast<size_t>(count) * columns.length * channels);
  const Plane read{plane.data + first * plane.rowBytes, plane.rowBytes, count, plane.width};
  horizontal(read, end, columns, channels, scratch.between.data());
  const Plane between{scratch.between.data(), static_cast<size_t>(columns.length) * channels, count, columns.length};
  vertical(between, first, rows, channels, target);
}

/**
 * resample(source, target, numbers: Int32Array [offset, rowBytes, height, width, channels, columns' stride, rows' stride,
 * verticalFirst], columns' first, count, values, rows' first, count, values) -> false for what it does not do: a tap too many.
 */
napi_value resample(napi_env env, napi_callback_info info) {
  size_t count = 9;
  napi_value a[9];
  napi_get_cb_info(env, info, &count, a, nullptr, nullptr);
  const Bytes source = bytesOf(env, a[0]), target = bytesOf(env, a[1]), settings = bytesOf(env, a[2]);
  if (count < 9 || source.data == nullptr || target.data == nullptr || settings.length < 32) {
    return fail(env, "resample: pixels, a target and eight numbers");
  }
  const int32_t* n = reinterpret_cast<const int32_t*>(settings.data);
  const size_t offset = n[0], rowBytes = n[1], lineBytes = static_cast<size_t>(n[3]) * n[4];
  Job job{{source.data + offset, rowBytes, n[2], n[3]}, source.data + source.length, {}, {}, n[4], n[7] == 1};
  napi_value done;
  const bool fits = weightsOf(env, a[3], a[4], a[5], n[5], n[3], job.columns) &&
                    weightsOf(env, a[6], a[7], a[8], n[6], n[2], job.rows);
  napi_get_boolean(env, fits, &done);
  if (!fits) return done;
  const size_t wide = job.columns.length > 0 ? job.columns.length : n[3];
  const size_t tall = job.rows.length > 0 ? job.rows.length : n[2];
  // Rows are read from the first position's to the last's. Columns may stand in any order: a mirrored one is the other way.
  for (int i = 1; i < job.rows.length; ++i) {
    if (job.rows.first[i] < job.rows.first[i - 1]) return fail(env, "resample: rows out of order");
    if (job.rows.first[i] + job.rows.count[i] < job.rows.first[i - 1] + job.rows.count[i - 1]) {
      return fail(env, "resample: rows out of order");
    }
  }
  if (n[2] < 1 || n[3] < 1 || n[4] < 1 || offset + (n[2] - 1) * rowBytes + lineBytes > source.length ||
      lineBytes > rowBytes || wide * tall * n[4] > target.length) {
    return fail(env, "resample: numbers that do not fit the pixels");
  }
  run(job, target.data);
  return done;
}

}  // namespace

void exportResample(napi_env env, napi_value exports) {
  if (!__builtin_cpu_supports("avx2")) return;  // the callers' other ways give the same bits
  napi_value function;
  napi_create_function(env, "resample", NAPI_AUTO_LENGTH, resample, nullptr, &function);
  napi_set_named_property(env, exports, "resample", function);
}

}  // namespace pixels
