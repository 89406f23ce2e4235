// Attention of short sequences, from packed q, k, v to packed heads: softmax(q kT / sqrt(d)) v for each picture and head, and its
// gradient, without the copies that turn q, k, v into batches of matrices and without storing the scores.
//
// One picture's head fits in a core's cache. Of a product (tile.h) the right factor is `transposed` where its rows run along the
// summed index, `paired` where they do not.
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels.h"
#include "tile.h"

namespace lacuna::kernels {
namespace {

inline int64_t padded(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

/** left [rows, depth units] x right [depth, columns] -> result [rows, columns]; columns a multiple of sixteen */
template <typename T>
void multiply(int64_t rows, int64_t columns, int64_t depth, Matrix<const T> left, Matrix<const Unit> right, Matrix<float> result) {
  const Left units{reinterpret_cast<const Unit*>(left.at), left.stride / kPack<T>, 1};
  for (int64_t c = 0; c < columns; c += kPanel) {
    const auto keep = [&](int64_t r, int64_t v, __m512 sum) { store(result.at + r * result.stride + c + v, sum); };
    panel<T>(rows, std::min(kPanel, columns - c), units, {right.at + c, right.stride}, depth, keep);
  }
}

/** from [rows, width numbers] -> to [width units, padded rows], rows beyond the last zero */
template <typename T>
void transposed(int64_t rows, int64_t width, Matrix<const T> from, Unit* to) {
  const int64_t units = width / kPack<T>, wide = padded(rows);
  for (int64_t i = 0; i < wide; i += kLanes) {
    for (int64_t u = 0; u < units; u += kLanes) {
      const __mmask16 mask = firstLanes(units - u);
      __m512i block[16];
#pragma GCC unroll 16
      for (int64_t r = 0; r < 16; ++r)
        block[r] = i + r < rows ? _mm512_maskz_loadu_epi32(mask, from.at + (i + r) * from.stride + u * kPack<T>) : _mm512_setzero_si512();
      mirror(block);
      for (int64_t r = 0; r < std::min<int64_t>(16, units - u); ++r) _mm512_storeu_si512(to + (u + r) * wide + i, block[r]);
    }
  }
}

/** from [rows, width] -> units of rows that follow one another [rows / kPack, width], an odd row beside zeros */
inline Matrix<const Unit> paired(int64_t, int64_t, Matrix<const float> from, Unit*) {
  return {reinterpret_cast<const Unit*>(from.at), from.stride};
}
inline Matrix<const Unit> paired(int64_t rows, int64_t width, Matrix<const BFloat16> from, Unit* to) {
  for (int64_t j = 0; j < rows; j += 2) {
    const BFloat16 *first = from.at + j * from.stride, *second = j + 1 < rows ? first + from.stride : nullptr;
    for (int64_t c = 0; c < width; c += kLanes)
      _mm512_storeu_si512(to + j / 2 * width + c, pairOf(first + c, second == nullptr ? nullptr : second + c));
  }
  return {to, width};
}

/** Numbers as they are stored. */
template <typename T>
void narrow(int64_t rows, int64_t width, Matrix<const float> from, Matrix<T> to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < width; c += kLanes) store(to.at + i * to.stride + c, load(from.at + i * from.stride + c));
}

struct Shape {
  int64_t pictures, tokens, heads, width;  // width of a head
  float scale;
  int64_t all() const { return heads * width; }
  int64_t row() const { return 3 * all(); }
};

/** Room for one head, kept while a thread goes through its share. */
template <typename T>
struct Room {
  explicit Room(const Shape& s)
      : wide(padded(s.tokens)),
        keys(s.width * wide), values(s.width * wide), pairs(wide * s.width),
        scores(wide * wide), other(wide * wide), turned(wide * wide), result(wide * s.width), narrowed(wide * wide) {}
  int64_t wide;
  std::vector<Unit> keys, values, pairs;
  std::vector<float> scores, other, turned, result;
  std::vector<T> narrowed;
};

/** Of a row of scores: the largest, scaled, and one over the sum of e^(score - largest). */
struct Softmax {
  float largest, share;
};

/** Which of the last sixteen columns are tokens. */
inline __mmask16 lastColumns(int64_t tokens) { return firstLanes(tokens - (padded(tokens) - kLanes)); }

/** scores [N, wide] -> probabilities in `narrowed`, those beyond N zero */
template <typename T>
void softmaxRows(const Shape& s, Room<T>& room, Softmax* kept) {
  const __mmask16 last = lastColumns(s.tokens);
  const int64_t whole = room.wide - kLanes;
  const __m512 scale = _mm512_set1_ps(s.scale);
  for (int64_t i = 0; i < s.tokens; ++i) {
    float* row = room.scores.data() + i * room.wide;
    __m512 most = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), last, load(row + whole));
    for (int64_t c = 0; c < whole; c += kLanes) most = _mm512_max_ps(most, load(row + c));
    const float largest = _mm512_reduce_max_ps(most) * s.scale;
    const __m512 shift = _mm512_set1_ps(largest);
    const __m512 end = _mm512_maskz_mov_ps(last, exponential(_mm512_fmsub_ps(load(row + whole), scale, shift)));
    __m512 sum = end;
    for (int64_t c = 0; c < whole; c += kLanes) {
      const __m512 e = exponential(_mm512_fmsub_ps(load(row + c), scale, shift));
      sum = _mm512_add_ps(sum, e);
      store(row + c, e);
    }
    kept[i] = {largest, 1.0f / _mm512_reduce_add_ps(sum)};
    const __m512 share = _mm512_set1_ps(kept[i].share);
    T* to = room.narrowed.data() + i * room.wide;
    for (int64_t c = 0; c < whole; c += kLanes) store(to + c, _mm512_mul_ps(load(row + c), share));
    store(to + whole, _mm512_mul_ps(end, share));
  }
}

/** q, k, v of one head of one picture, in qkv [B N 3 H d]. */
template <typename T>
struct Head {
  Head(const Shape& s, T* qkv, int64_t index)
      : q{qkv + index / s.heads * s.tokens * s.row() + index % s.heads * s.width, s.row()},
        k{q.at + s.all(), s.row()}, v{q.at + 2 * s.all(), s.row()} {}
  Matrix<T> q, k, v;
};

/** The same head of a tensor [B N H d]. */
template <typename T>
Matrix<T> headOf(const Shape& s, T* heads, int64_t index) {
  return {heads + index / s.heads * s.tokens * s.all() + index % s.heads * s.width, s.all()};
}

/** Units along the tokens. */
template <typename T>
int64_t depthOf(int64_t tokens) { return (tokens + kPack<T> - 1) / kPack<T>; }

/** Asks for the rows of a head before they are needed: they lie apart, and the processor does not guess them. */
template <typename T>
inline void fetch(const Shape& s, Matrix<T> rows) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < s.tokens; ++i)
    for (int64_t c = 0; c < s.width; c += kLine) __builtin_prefetch(rows.at + i * rows.stride + c, !std::is_const_v<T>);
}
template <typename T>
inline void fetch(const Shape& s, const Head<T>& head) {
  fetch(s, head.q);
  fetch(s, head.k);
  fetch(s, head.v);
}

template <typename T>
void forwardHead(const Shape& s, const Head<const T>& head, Matrix<T> out, Softmax* kept, Room<T>& room) {
  transposed(s.tokens, s.width, head.k, room.keys.data());
  multiply<T>(s.tokens, room.wide, s.width / kPack<T>, head.q, {room.keys.data(), room.wide}, {room.scores.data(), room.wide});
  softmaxRows(s, room, kept);
  const auto values = paired(s.tokens, s.width, head.v, room.pairs.data());
  multiply<T>(s.tokens, s.width, depthOf<T>(s.tokens), {room.narrowed.data(), room.wide}, values, {room.result.data(), s.width});
  narrow<T>(s.tokens, s.width, {room.result.data(), s.width}, out);
}

/** `scores` become probabilities again, `other` (the gradient of the probabilities) that of the scores. */
template <typename T>
void softmaxBackwardRows(const Shape& s, Room<T>& room, const Softmax* kept) {
  const __mmask16 last = lastColumns(s.tokens);
  const int64_t whole = room.wide - kLanes;
  const __m512 scale = _mm512_set1_ps(s.scale);
  for (int64_t i = 0; i < s.tokens; ++i) {
    float* row = room.scores.data() + i * room.wide;
    float* gradient = room.other.data() + i * room.wide;
    const __m512 shift = _mm512_set1_ps(kept[i].largest), share = _mm512_set1_ps(kept[i].share);
    const auto probability = [&](int64_t c) { return _mm512_mul_ps(exponential(_mm512_fmsub_ps(load(row + c), scale, shift)), share); };
    const __m512 end = _mm512_maskz_mov_ps(last, probability(whole));
    store(row + whole, end);
    __m512 sum = _mm512_mul_ps(end, load(gradient + whole));
    for (int64_t c = 0; c < whole; c += kLanes) {
      const __m512 p = probability(c);
      store(row + c, p);
      sum = _mm512_fmadd_ps(p, load(gradient + c), sum);
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum));
    for (int64_t c = 0; c < room.wide; c += kLanes) {
      const __m512 p = _mm512_mul_ps(load(row + c), scale);
      store(gradient + c, _mm512_mul_ps(p, _mm512_sub_ps(load(gradient + c), mean)));
    }
  }
}

/** result [N, d] = (left [N, wide], or its mirror) x right [N, d], into `to` */
template <typename T>
void times(const Shape& s, Room<T>& room, const std::vector<float>& left, bool mirrored, Matrix<const T> right, Matrix<T> to) {
  const float* rows = left.data();
  if (mirrored) {
    transposed<float>(s.tokens, room.wide, {left.data(), room.wide}, reinterpret_cast<Unit*>(room.turned.data()));
    rows = room.turned.data();
  }
  narrow<T>(s.tokens, room.wide, {rows, room.wide}, {room.narrowed.data(), room.wide});
  const auto units = paired(s.tokens, s.width, right, room.pairs.data());
  multiply<T>(s.tokens, s.width, depthOf<T>(s.tokens), {room.narrowed.data(), room.wide}, units, {room.result.data(), s.width});
  narrow<T>(s.tokens, s.width, {room.result.data(), s.width}, to);
}

/** P from the scores, dP = dO vT, dS = P (dP - sum P dP); dv = PT dO, dq = dS k, dk = dST q. */
template <typename T>
void backwardHead(const Shape& s, const Head<const T>& head, Matrix<const T> incoming, const Softmax* kept, const Head<T>& to, Room<T>& room) {
  const Matrix<float> scores{room.scores.data(), room.wide}, other{room.other.data(), room.wide};
  transposed(s.tokens, s.width, head.k, room.keys.data());
  multiply<T>(s.tokens, room.wide, s.width / kPack<T>, head.q, {room.keys.data(), room.wide}, scores);
  transposed(s.tokens, s.width, head.v, room.values.data());
  multiply<T>(s.tokens, room.wide, s.width / kPack<T>, incoming, {room.values.data(), room.wide}, other);
  softmaxBackwardRows(s, room, kept);
  times(s, room, room.scores, true, incoming, to.v);
  times(s, room, room.other, false, head.k, to.q);
  times(s, room, room.other, true, head.q, to.k);
}

Shape shapeOf(const at::Tensor& qkv, int64_t heads) {
  TORCH_CHECK(qkv.dim() == 3 && heads > 0 && qkv.size(2) % (3 * heads * kLanes) == 0,
              "attention: expected q, k and v side by side [B N 3·H·d], d a multiple of 16, got ", qkv.sizes(), " for ", heads, " heads");
  const int64_t width = qkv.size(2) / 3 / heads;
  return {qkv.size(0), qkv.size(1), heads, width, 1.0f / std::sqrt(static_cast<float>(width))};
}

template <typename T>
void forwardAll(const Shape& s, const at::Tensor& qkv, at::Tensor& out, at::Tensor& rows) {
  const T* from = qkv.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  auto* kept = reinterpret_cast<Softmax*>(rows.mutable_data_ptr<float>());
  at::parallel_for(0, s.pictures * s.heads, 1, [&](int64_t begin, int64_t end) {
    Room<T> room(s);
    for (int64_t i = begin; i < end; ++i) {
      if (i + 1 < end) {
        fetch(s, Head<const T>(s, from, i + 1));
        fetch(s, headOf(s, to, i + 1));
      }
      forwardHead<T>(s, Head<const T>(s, from, i), headOf(s, to, i), kept + i * s.tokens, room);
    }
  });
}

template <typename T>
void backwardAll(const Shape& s, const at::Tensor& qkv, const at::Tensor& incoming, const at::Tensor& rows, at::Tensor& gradient) {
  const T* from = qkv.const_data_ptr<T>();
  const T* given = incoming.const_data_ptr<T>();
  const auto* kept = reinterpret_cast<const Softmax*>(rows.const_data_ptr<float>());
  T* to = gradient.mutable_data_ptr<T>();
  at::parallel_for(0, s.pictures * s.heads, 1, [&](int64_t begin, int64_t end) {
    Room<T> room(s);
    for (int64_t i = begin; i < end; ++i) {
      if (i + 1 < end) {
        fetch(s, Head<const T>(s, from, i + 1));
        fetch(s, headOf(s, given, i + 1));
        fetch(s, Head<T>(s, to, i + 1));
      }
      backwardHead<T>(s, Head<const T>(s, from, i), headOf(s, given, i), kept + i * s.tokens, Head<T>(s, to, i), room);
    }
  });
}

/** qkv [B N 3·H·d] -> [B N H·d], and of each row of scores what `Softmax` says [B H N 2] */
std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& packed, int64_t heads) {
  const Shape s = shapeOf(packed, heads);
  const at::Tensor qkv = packed.contiguous();
  at::Tensor out = at::empty({s.pictures, s.tokens, s.all()}, qkv.options());
  at::Tensor rows = at::empty({s.pictures, s.heads, s.tokens, 2}, qkv.options().dtype(at::kFloat));
  if (qkv.scalar_type() == at::kFloat) forwardAll<float>(s, qkv, out, rows);
  else if (qkv.scalar_type() == at::kBFloat16) forwardAll<BFloat16>(s, qkv, out, rows);
  else TORCH_CHECK(false, "attention: expected float32 or bfloat16, got ", qkv.scalar_type());
  return {out, rows};
}

at::Tensor backward(const at::Tensor& packed, const at::Tensor& gradient, const at::Tensor& rows, int64_t heads) {
  const Shape s = shapeOf(packed, heads);
  const at::Tensor qkv = packed.contiguous(), incoming = gradient.to(qkv.scalar_type()).contiguous();
  at::Tensor result = at::empty(qkv.sizes(), qkv.options());
  if (qkv.scalar_type() == at::kFloat) backwardAll<float>(s, qkv, incoming, rows, result);
  else backwardAll<BFloat16>(s, qkv, incoming, rows, result);
  return result;
}

struct AttentionBackward : torch::autograd::Function<AttentionBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& qkv, int64_t heads) {
    const at::AutoDispatchBelowADInplaceOrView below;
    auto [out, rows] = kernels::forward(qkv, heads);
    context->save_for_backward({qkv, rows});
    context->saved_data["heads"] = heads;
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {kernels::backward(saved[0], gradients[0], saved[1], context->saved_data["heads"].toInt()), at::Tensor()};
  }
};

at::Tensor attention(const at::Tensor& qkv, int64_t heads) { return std::get<0>(forward(qkv, heads)); }
at::Tensor attentionWithGradient(const at::Tensor& qkv, int64_t heads) { return AttentionBackward::apply(qkv, heads); }
at::Tensor attentionShape(const at::Tensor& qkv, int64_t heads) {
  const Shape s = shapeOf(qkv, heads);
  return at::empty({s.pictures, s.tokens, s.all()}, qkv.options());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(lacuna, library) { library.def("attention(Tensor qkv, int heads) -> Tensor"); }
TORCH_LIBRARY_IMPL(lacuna, CPU, library) { library.impl("attention", attention); }
TORCH_LIBRARY_IMPL(lacuna, AutogradCPU, library) { library.impl("attention", attentionWithGradient); }
TORCH_LIBRARY_IMPL(lacuna, Meta, library) { library.impl("attention", attentionShape); }

}  // namespace lacuna::kernels
#pragma GCC pop_options
