// Attention of short sequences, from packed q, k, v to packed heads: softmax(q kT / sqrt(d)) v for each picture and head, and its
// gradient, without the copies that turn q, k, v into batches of matrices and without storing the scores.
//
// One picture's head fits in a core's cache. Of a product (tile.h) the right factor is `transposed` where its rows run along the
// summed index, `paired` where they do not.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "parts/attention.h"
#include "kernels.h"
#include "parts/tile.h"

namespace lacuna::kernels::LANES {
namespace {

inline int64_t padded(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

/** left [rows, depth units] x right [depth, columns] -> result [rows, columns]; columns a multiple of sixteen */
template <typename T>
void multiply(int64_t rows, int64_t columns, int64_t depth, Matrix<const T> left, Matrix<const Unit> right, Matrix<float> result) {
  const Left units{reinterpret_cast<const Unit*>(left.at), left.stride / kPack<T>, 1};
  for (int64_t c = 0; c < columns; c += kPanel) {
    const auto keep = [&](int64_t r, int64_t v, Floats sum) { store(result.at + r * result.stride + c + v, sum); };
    panel<T>(rows, std::min(kPanel, columns - c), units, {right.at + c, right.stride}, depth, keep);
  }
}

/** from [rows, width numbers] -> to [width units, padded rows], rows beyond the last zero */
template <typename T>
void transposed(int64_t rows, int64_t width, Matrix<const T> from, Unit* to) {
  const int64_t units = width / kPack<T>, wide = padded(rows);
  for (int64_t i = 0; i < wide; i += kLanes) {
    for (int64_t u = 0; u < units; u += kLanes) {
      const Mask mask = firstLanes(units - u);
      Units block[16];
#pragma GCC unroll 16
      for (int64_t r = 0; r < 16; ++r)
        block[r] = i + r < rows ? loadSomeUnits(mask, from.at + (i + r) * from.stride + u * kPack<T>) : noUnits();
      mirror(block);
      for (int64_t r = 0; r < std::min<int64_t>(16, units - u); ++r) store(to + (u + r) * wide + i, block[r]);
    }
  }
}

/** from [rows, width] -> units of rows that follow one another [rows / kPack, width], an odd row beside zeros */
template <typename T>
Matrix<const Unit> paired([[maybe_unused]] int64_t rows, [[maybe_unused]] int64_t width, Matrix<const T> from, [[maybe_unused]] Unit* to) {
  if constexpr (std::is_same_v<T, float>) return {reinterpret_cast<const Unit*>(from.at), from.stride};
  else {
    for (int64_t j = 0; j < rows; j += 2) {
      const T *first = from.at + j * from.stride, *second = j + 1 < rows ? first + from.stride : nullptr;
      for (int64_t c = 0; c < width; c += kLanes)
        store(to + j / 2 * width + c, pairOf(first + c, second == nullptr ? nullptr : second + c));
    }
    return {to, width};
  }
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
inline Mask lastColumns(int64_t tokens) { return firstLanes(tokens - (padded(tokens) - kLanes)); }

/** scores [N, wide] -> probabilities in `narrowed`, those beyond N zero */
template <typename T>
void softmaxRows(const Shape& s, Room<T>& room, Softmax* kept) {
  const Mask last = lastColumns(s.tokens);
  const int64_t whole = room.wide - kLanes;
  const Floats scale = all(s.scale);
  for (int64_t i = 0; i < s.tokens; ++i) {
    float* row = room.scores.data() + i * room.wide;
    Floats most = choose(last, load(row + whole), all(-INFINITY));
    for (int64_t c = 0; c < whole; c += kLanes) most = larger(most, load(row + c));
    const float largest = largestOf(most) * s.scale;
    const Floats shift = all(largest);
    const Floats end = choose(last, exponential(multiplySubtract(load(row + whole), scale, shift)), zeros());
    Floats sum = end;
    for (int64_t c = 0; c < whole; c += kLanes) {
      const Floats e = exponential(multiplySubtract(load(row + c), scale, shift));
      sum = sum + e;
      store(row + c, e);
    }
    kept[i] = {largest, 1.0f / sumOf(sum)};
    const Floats share = all(kept[i].share);
    T* to = room.narrowed.data() + i * room.wide;
    for (int64_t c = 0; c < whole; c += kLanes) store(to + c, load(row + c) * share);
    store(to + whole, end * share);
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
  const Mask last = lastColumns(s.tokens);
  const int64_t whole = room.wide - kLanes;
  const Floats scale = all(s.scale);
  for (int64_t i = 0; i < s.tokens; ++i) {
    float* row = room.scores.data() + i * room.wide;
    float* gradient = room.other.data() + i * room.wide;
    const Floats shift = all(kept[i].largest), share = all(kept[i].share);
    const auto probability = [&](int64_t c) { return exponential(multiplySubtract(load(row + c), scale, shift)) * share; };
    const Floats end = choose(last, probability(whole), zeros());
    store(row + whole, end);
    Floats sum = end * load(gradient + whole);
    for (int64_t c = 0; c < whole; c += kLanes) {
      const Floats p = probability(c);
      store(row + c, p);
      sum = multiplyAdd(p, load(gradient + c), sum);
    }
    const Floats mean = all(sumOf(sum));
    for (int64_t c = 0; c < room.wide; c += kLanes) {
      const Floats p = load(row + c) * scale;
      store(gradient + c, p * (load(gradient + c) - mean));
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

/** Adds to q, k and v of a head what is due to it of a bias [3 H d]. */
inline void addBias(const Shape& s, const Head<float>& head, int64_t index, const float* bias) {
  const float* own = bias + index % s.heads * s.width;
  for (const Matrix<float>& rows : {head.q, head.k, head.v}) {
    for (int64_t i = 0; i < s.tokens; ++i) addRow(own, rows.at + i * rows.stride, s.width);
    own += s.all();
  }
}

template <typename T>
void forwardAll(const Shape& s, const at::Tensor& qkv, [[maybe_unused]] const float* bias, at::Tensor& out, at::Tensor& rows) {
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
      if constexpr (std::is_same_v<T, float>) {
        if (bias != nullptr) addBias(s, Head<float>(s, const_cast<float*>(from), i), i, bias);
      }
      forwardHead<T>(s, Head<const T>(s, from, i), headOf(s, to, i), kept + i * s.tokens, room);
    }
  });
}

/** Of a head that a thread has just made: the sums of its rows, for the gradient of the bias [3 H d]. */
template <typename T>
void addUp(const Shape& s, const Head<T>& head, int64_t index, float* sums) {
  float* own = sums + index % s.heads * s.width;
  for (const Matrix<T>& rows : {head.q, head.k, head.v}) {
    for (int64_t i = 0; i < s.tokens; ++i)
      for (int64_t c = 0; c < s.width; c += kLanes) store(own + c, load(own + c) + load(rows.at + i * rows.stride + c));
    own += s.all();
  }
}

template <typename T>
void backwardAll(const Shape& s, const at::Tensor& qkv, const at::Tensor& incoming, const at::Tensor& rows, at::Tensor& gradient, at::Tensor* bias) {
  const T* from = qkv.const_data_ptr<T>();
  const T* given = incoming.const_data_ptr<T>();
  const auto* kept = reinterpret_cast<const Softmax*>(rows.const_data_ptr<float>());
  T* to = gradient.mutable_data_ptr<T>();
  std::vector<std::vector<float>> sums(at::get_num_threads());
  at::parallel_for(0, s.pictures * s.heads, 1, [&](int64_t begin, int64_t end) {
    Room<T> room(s);
    std::vector<float> own(bias == nullptr ? 0 : s.row(), 0.0f);
    for (int64_t i = begin; i < end; ++i) {
      if (i + 1 < end) {
        fetch(s, Head<const T>(s, from, i + 1));
        fetch(s, headOf(s, given, i + 1));
        fetch(s, Head<T>(s, to, i + 1));
      }
      const Head<T> head(s, to, i);
      backwardHead<T>(s, Head<const T>(s, from, i), headOf(s, given, i), kept + i * s.tokens, head, room);
      if (bias != nullptr) addUp(s, head, i, own.data());
    }
    sums[at::get_thread_num()] = std::move(own);
  });
  if (bias == nullptr) return;
  *bias = at::zeros({s.row()}, qkv.options().dtype(at::kFloat));
  for (const auto& own : sums)
    if (!own.empty()) addRow(own.data(), bias->mutable_data_ptr<float>(), s.row());
}

}  // namespace

Attended attentionForward(const at::Tensor& packed, int64_t heads, const float* bias) {
  const Shape s = shapeOf(packed, heads);
  const at::Tensor qkv = packed.contiguous();
  at::Tensor out = at::empty({s.pictures, s.tokens, s.all()}, qkv.options());
  at::Tensor rows = at::empty({s.pictures, s.heads, s.tokens, 2}, qkv.options().dtype(at::kFloat));
  inTypeOf(qkv, "attention", [&](auto number) { forwardAll<decltype(number)>(s, qkv, bias, out, rows); });
  return {out, rows};
}

at::Tensor attentionBackward(const at::Tensor& packed, const at::Tensor& gradient, const at::Tensor& rows, int64_t heads, at::Tensor* bias) {
  const Shape s = shapeOf(packed, heads);
  const at::Tensor qkv = packed.contiguous(), incoming = gradient.to(qkv.scalar_type()).contiguous();
  at::Tensor result = at::empty(qkv.sizes(), qkv.options());
  inTypeOf(qkv, "attention", [&](auto number) { backwardAll<decltype(number)>(s, qkv, incoming, rows, result, bias); });
  return result;
}

namespace {

struct AttentionBackward : torch::autograd::Function<AttentionBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& qkv, int64_t heads) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const Attended attended = attentionForward(qkv, heads, nullptr);
    context->save_for_backward({qkv, attended.rows});
    context->saved_data["heads"] = heads;
    return attended.out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {attentionBackward(saved[0], gradients[0], saved[1], context->saved_data["heads"].toInt(), nullptr), at::Tensor()};
  }
};

at::Tensor attention(const at::Tensor& qkv, int64_t heads) { return attentionForward(qkv, heads, nullptr).out; }
at::Tensor attentionWithGradient(const at::Tensor& qkv, int64_t heads) { return AttentionBackward::apply(qkv, heads); }
at::Tensor attentionShape(const at::Tensor& qkv, int64_t heads) {
  const Shape s = shapeOf(qkv, heads);
  return at::empty({s.pictures, s.tokens, s.all()}, qkv.options());
}

}  // namespace

REGISTER("attention", attention, attentionWithGradient, attentionShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
