// A Transformer block in float32 as one operation: libtorch's matrix products, and between two of them one pass of ours over memory.
// The bias of a linear layer, the sum of stream and branch, and the norm behind it are such a pass; so are GELU and its gradient.
// Kept for the gradient are the block's input, q, k and v, the heads, the stream between the branches and the hidden layer before its
// bias: what norms and GELU gave is computed again, where it is read anyhow.
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

#include "parts/attention.h"
#include "kernels.h"
#include "parts/gelu.h"
#include "parts/norm.h"

namespace lacuna::kernels::LANES {
namespace {

using at::Tensor;

/** In the order of the operation's arguments, after the input. */
struct Weights {
  Tensor norm1, norm1Bias, qkv, qkvBias, proj, projBias, norm2, norm2Bias, fc1, fc1Bias, fc2, fc2Bias;
};

/** Each row with its thread's own sums. */
template <typename S, typename F>
std::vector<std::unique_ptr<S>> overRows(Rows rows, int64_t sums, F each) {
  std::vector<std::unique_ptr<S>> parts(at::get_num_threads());
  at::parallel_for(0, rows.count, grainOf(rows.width), [&](int64_t begin, int64_t end) {
    auto own = std::make_unique<S>(sums);
    for (int64_t i = begin; i < end; ++i) each(i, *own);
    parts[at::get_thread_num()] = std::move(own);
  });
  return parts;
}

struct Nothing {
  explicit Nothing(int64_t) {}
};

/** x [R D] -> its norm [R D], and the rows' moments [R 2] */
Tensor normed(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon, Tensor& moments) {
  const Rows rows = rowsOf(x);
  Tensor result = at::empty_like(x);
  moments = at::empty({rows.count, 2}, x.options());
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  auto* kept = reinterpret_cast<Moments*>(moments.mutable_data_ptr<float>());
  overRows<Nothing>(rows, 0, [&](int64_t i, Nothing&) {
    const float* row = from + i * rows.width;
    kept[i] = momentsOf(row, rows.width, static_cast<float>(epsilon));
    normRow(row, scale, shift, kept[i], rows.width, to + i * rows.width);
  });
  return result;
}

/** The norm of x [R D] once more, of the moments that it had. */
Tensor normedAgain(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& moments) {
  const Rows rows = rowsOf(x);
  Tensor result = at::empty_like(x);
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  const auto* kept = reinterpret_cast<const Moments*>(moments.const_data_ptr<float>());
  overRows<Nothing>(rows, 0, [&](int64_t i, Nothing&) {
    normRow(from + i * rows.width, scale, shift, kept[i], rows.width, to + i * rows.width);
  });
  return result;
}

/** branch [R D] becomes stream + branch + bias */
void addStream(const Tensor& stream, const Tensor& bias, Tensor& branch) {
  const Rows rows = rowsOf(stream);
  const float *from = stream.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  float* to = branch.mutable_data_ptr<float>();
  overRows<Nothing>(rows, 0, [&](int64_t i, Nothing&) {
    const float* row = from + i * rows.width;
    float* sum = to + i * rows.width;
    for (int64_t c = 0; c < rows.width; c += kLanes) store(sum + c, load(row + c) + (load(sum + c) + load(shift + c)));
  });
}

/** `addStream`, and the norm of the sum */
Tensor addStreamAndNorm(const Tensor& stream, const Tensor& bias, const Tensor& weight, const Tensor& normBias, double epsilon, Tensor& branch, Tensor& moments) {
  const Rows rows = rowsOf(stream);
  Tensor result = at::empty_like(stream);
  moments = at::empty({rows.count, 2}, stream.options());
  const float *from = stream.const_data_ptr<float>(), *added = bias.const_data_ptr<float>();
  const float *scale = weight.const_data_ptr<float>(), *shift = normBias.const_data_ptr<float>();
  float *sums = branch.mutable_data_ptr<float>(), *to = result.mutable_data_ptr<float>();
  auto* kept = reinterpret_cast<Moments*>(moments.mutable_data_ptr<float>());
  overRows<Nothing>(rows, 0, [&](int64_t i, Nothing&) {
    const float* row = from + i * rows.width;
    float* sum = sums + i * rows.width;
    for (int64_t c = 0; c < rows.width; c += kLanes) store(sum + c, load(row + c) + (load(sum + c) + load(added + c)));
    kept[i] = momentsOf(sum, rows.width, static_cast<float>(epsilon));
    normRow(sum, scale, shift, kept[i], rows.width, to + i * rows.width);
  });
  return result;
}

/** hidden [R M], bias [M] -> gelu(hidden + bias) */
Tensor activated(const Tensor& hidden, const Tensor& bias) {
  const Rows rows = rowsOf(hidden);
  Tensor result = at::empty_like(hidden);
  const float *from = hidden.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, rows.count, grainOf(rows.width), [&](int64_t begin, int64_t end) {
    const Table<float> table(kGelu<float>);
    for (int64_t i = begin * rows.width; i < end * rows.width; i += rows.width)
      for (int64_t c = 0; c < rows.width; c += kLanes) store(to + i + c, geluOf(load(from + i + c) + load(shift + c), table));
  });
  return result;
}

/** What one thread adds up over its rows, [D]. */
struct ColumnSums {
  explicit ColumnSums(int64_t width) : all(width, 0.0f) {}
  std::vector<float> all;
};

struct Activation {
  Tensor value, bias;
};

/** gradient [R M] of gelu(hidden + bias) becomes that of `hidden`; gives the value once more, and the bias's gradient. */
Activation activatedBackward(const Tensor& hidden, const Tensor& bias, Tensor& gradient) {
  const Rows rows = rowsOf(hidden);
  Tensor value = at::empty_like(hidden);
  const float *from = hidden.const_data_ptr<float>(), *shift = bias.const_data_ptr<float>();
  float *given = gradient.mutable_data_ptr<float>(), *to = value.mutable_data_ptr<float>();
  std::vector<std::unique_ptr<ColumnSums>> parts(at::get_num_threads());
  at::parallel_for(0, rows.count, grainOf(rows.width), [&](int64_t begin, int64_t end) {
    const Table<float> values(kGelu<float>), slopes(kSlope<float>);
    auto sums = std::make_unique<ColumnSums>(rows.width);
    for (int64_t i = begin * rows.width; i < end * rows.width; i += rows.width) {
      for (int64_t c = 0; c < rows.width; c += kLanes) {
        const Floats x = load(from + i + c) + load(shift + c);
        const Floats g = load(given + i + c) * geluSlope(x, slopes);
        store(to + i + c, geluOf(x, values));
        store(given + i + c, g);
        addTo(sums->all.data() + c, g);
      }
    }
    parts[at::get_thread_num()] = std::move(sums);
  });
  return {value, total(parts, &ColumnSums::all, bias)};
}

/** Of a norm, and the rows of what came along the stream beside it. */
struct BranchSums : NormSums {
  explicit BranchSums(int64_t width) : NormSums(width), stream(width, 0.0f) {}
  std::vector<float> stream;
};

struct NormGradients {
  Tensor input, weight, bias, stream;
};

/** gradient of the norm of x [R D], and the one that came along the stream: their sum is that of x. `stream` is the latter's sum. */
NormGradients normBackward(const Tensor& x, const Tensor& weight, const Tensor& moments, const Tensor& gradient, const Tensor& stream) {
  const Rows rows = rowsOf(x);
  Tensor result = at::empty_like(x);
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>(), *given = gradient.const_data_ptr<float>(), *along = stream.const_data_ptr<float>();
  const auto* kept = reinterpret_cast<const Moments*>(moments.const_data_ptr<float>());
  float* to = result.mutable_data_ptr<float>();
  const auto parts = overRows<BranchSums>(rows, rows.width, [&](int64_t i, BranchSums& sums) {
    const int64_t at = i * rows.width;
    normRowBackward(from + at, given + at, scale, kept[i], rows.width, sums, [&](int64_t c, Floats dx) {
      const Floats g = load(along + at + c);
      addTo(sums.stream.data() + c, g);
      store(to + at + c, g + dx);
    });
  });
  return {result, total(parts, &BranchSums::weight, weight), total(parts, &BranchSums::bias, weight), total(parts, &BranchSums::stream, weight)};
}

/** A part of the block, for who profiles it. */
struct Part {
  explicit Part(const char* name) {
    if (mark.isActive()) mark.before(name);
  }
  at::RecordFunction mark{at::RecordScope::USER_SCOPE};
};
template <typename F>
auto part(const char* name, F body) {
  const Part own(name);
  return body();
}

/** x [R I], weight [O I] -> [R O] */
Tensor product(const char* name, const Tensor& x, const Tensor& weight) {
  return part(name, [&] { return at::mm(x, weight.t()); });
}

/** What the gradient needs of a forward pass, all but the weights. [R …], R = B N */
struct Kept {
  Tensor input, moments1, qkv, rows, heads, stream, moments2, hidden;
};

/** x [B N D] -> [B N D] */
Tensor forward(const Tensor& x, const Weights& w, int64_t heads, double epsilon, Kept& kept) {
  const int64_t pictures = x.size(0), tokens = x.size(1), width = x.size(2);
  kept.input = x.contiguous().view({pictures * tokens, width});
  Tensor norm = part("norm1", [&] { return normed(kept.input, w.norm1, w.norm1Bias, epsilon, kept.moments1); });
  part("attn", [&] {
    kept.qkv = product("qkv", norm, w.qkv);
    const Attended attended = attentionForward(kept.qkv.view({pictures, tokens, 3 * width}), heads, w.qkvBias.const_data_ptr<float>());
    kept.rows = attended.rows;
    kept.heads = attended.out.view({pictures * tokens, width});
    kept.stream = product("proj", kept.heads, w.proj);
  });
  norm = part("norm2", [&] { return addStreamAndNorm(kept.input, w.projBias, w.norm2, w.norm2Bias, epsilon, kept.stream, kept.moments2); });
  return part("mlp", [&] {
    kept.hidden = product("fc1", norm, w.fc1);
    norm.reset();
    Tensor result = product("fc2", activated(kept.hidden, w.fc1Bias), w.fc2);
    addStream(kept.stream, w.fc2Bias, result);
    return result.view({pictures, tokens, width});
  });
}

/** Products of tensors that are in their type already: neither gradients nor casts are looked for. */
struct Plainly {
  at::AutoDispatchBelowADInplaceOrView below;
  c10::impl::ExcludeDispatchKeyGuard plain{c10::DispatchKey::AutocastCPU};
};

struct Wanted {
  bool qkv, proj, fc1, fc2;
};

/** Of a layer y = x weightT: gradient [R O] -> that of x [R I]; that of the weight [O I] where it is wanted, for which x is asked then. */
template <typename F>
Tensor productBackward(const char* name, bool isWanted, const Tensor& gradient, const Tensor& weight, Tensor& ofWeight, F x) {
  return part(name, [&] {
    if (isWanted) ofWeight = at::mm(gradient.t(), x());
    return at::mm(gradient, weight);
  });
}

/** The second branch: x + fc2(gelu(fc1(norm2(x)))). gradient [R D] of its result -> of x */
Tensor mlpBackward(const Kept& kept, const Weights& w, const Wanted& wanted, const Tensor& gradient, Weights& of) {
  Tensor inside = part("mlp", [&] {
    Tensor hidden = part("fc2", [&] { return at::mm(gradient, w.fc2); });
    const Activation activation = activatedBackward(kept.hidden, w.fc1Bias, hidden);
    of.fc1Bias = activation.bias;
    if (wanted.fc2) of.fc2 = part("fc2", [&] { return at::mm(gradient.t(), activation.value); });
    return hidden;
  });
  inside = part("mlp", [&] {
    return productBackward("fc1", wanted.fc1, inside, w.fc1, of.fc1, [&] { return normedAgain(kept.stream, w.norm2, w.norm2Bias, kept.moments2); });
  });
  const NormGradients norm = part("norm2", [&] { return normBackward(kept.stream, w.norm2, kept.moments2, inside, gradient); });
  of.norm2 = norm.weight;
  of.norm2Bias = norm.bias;
  of.fc2Bias = norm.stream;
  return norm.input;
}

/** The first branch: x + proj(attention(qkv(norm1(x)))). */
Tensor attentionBranchBackward(const Kept& kept, const Weights& w, const Wanted& wanted, const Tensor& gradient, int64_t pictures, int64_t heads, Weights& of) {
  const int64_t width = gradient.size(1), tokens = gradient.size(0) / pictures;
  Tensor inside = part("attn", [&] {
    const Tensor attended = productBackward("proj", wanted.proj, gradient, w.proj, of.proj, [&] { return kept.heads; }).view({pictures, tokens, width});
    const Tensor packed = attentionBackward(kept.qkv.view({pictures, tokens, 3 * width}), attended, kept.rows, heads, &of.qkvBias).view({pictures * tokens, 3 * width});
    return productBackward("qkv", wanted.qkv, packed, w.qkv, of.qkv, [&] { return normedAgain(kept.input, w.norm1, w.norm1Bias, kept.moments1); });
  });
  const NormGradients norm = part("norm1", [&] { return normBackward(kept.input, w.norm1, kept.moments1, inside, gradient); });
  of.norm1 = norm.weight;
  of.norm1Bias = norm.bias;
  of.projBias = norm.stream;
  return norm.input;
}

struct BlockBackward : torch::autograd::Function<BlockBackward> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& norm1, const Tensor& norm1Bias, const Tensor& qkv, const Tensor& qkvBias,
                        const Tensor& proj, const Tensor& projBias, const Tensor& norm2, const Tensor& norm2Bias, const Tensor& fc1, const Tensor& fc1Bias,
                        const Tensor& fc2, const Tensor& fc2Bias, int64_t heads, double epsilon) {
    const Plainly plainly;
    const Weights w{norm1, norm1Bias, qkv, qkvBias, proj, projBias, norm2, norm2Bias, fc1, fc1Bias, fc2, fc2Bias};
    Kept kept;
    Tensor result = LANES::forward(x, w, heads, epsilon, kept);
    context->save_for_backward({kept.input, kept.moments1, kept.qkv, kept.rows, kept.heads, kept.stream, kept.moments2, kept.hidden, norm1, norm1Bias, qkv, proj, norm2, norm2Bias, fc1, fc1Bias, fc2});
    context->saved_data["heads"] = heads;
    context->saved_data["pictures"] = x.size(0);
    return result;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    const Plainly plainly;
    const auto s = context->get_saved_variables();
    const Kept kept{s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
    const Weights w{s[8], s[9], s[10], Tensor(), s[11], Tensor(), s[12], s[13], s[14], s[15], s[16], Tensor()};
    const Wanted wanted{context->needs_input_grad(3), context->needs_input_grad(5), context->needs_input_grad(9), context->needs_input_grad(11)};
    const int64_t heads = context->saved_data["heads"].toInt(), pictures = context->saved_data["pictures"].toInt();
    const Tensor given = gradients[0].contiguous();
    Weights of;
    const Tensor between = mlpBackward(kept, w, wanted, given.view(kept.input.sizes()), of);
    const Tensor input = attentionBranchBackward(kept, w, wanted, between, pictures, heads, of).view(given.sizes());
    return {input, of.norm1, of.norm1Bias, of.qkv, of.qkvBias, of.proj, of.projBias, of.norm2, of.norm2Bias, of.fc1, of.fc1Bias, of.fc2, of.fc2Bias, Tensor(), Tensor()};
  }
};

void checkBlock(const Tensor& x, const Weights& w, int64_t heads) {
  TORCH_CHECK(x.dim() == 3 && x.scalar_type() == at::kFloat && heads > 0 && x.size(2) % (heads * kLanes) == 0,
              "block: expected float32 [B N H·d], d a multiple of 16, got ", x.scalar_type(), " ", x.sizes(), " for ", heads, " heads");
  const int64_t D = x.size(2), M = w.fc1.size(0);
  TORCH_CHECK(M % kLanes == 0, "block: expected a hidden width that is a multiple of 16, got ", M);
  const auto is = [](const Tensor& weight, std::initializer_list<int64_t> sizes) {
    TORCH_CHECK(weight.scalar_type() == at::kFloat && weight.is_contiguous() && weight.sizes() == at::IntArrayRef(sizes),
                "block: expected float32 weights of ", at::IntArrayRef(sizes), ", got ", weight.scalar_type(), " ", weight.sizes());
  };
  for (const Tensor& vector : {w.norm1, w.norm1Bias, w.projBias, w.norm2, w.norm2Bias, w.fc2Bias}) is(vector, {D});
  is(w.qkv, {3 * D, D});
  is(w.qkvBias, {3 * D});
  is(w.proj, {D, D});
  is(w.fc1, {M, D});
  is(w.fc1Bias, {M});
  is(w.fc2, {D, M});
}

#define WEIGHTS                                                                                                                                   \
  const Tensor &norm1, const Tensor &norm1Bias, const Tensor &qkv, const Tensor &qkvBias, const Tensor &proj, const Tensor &projBias,             \
      const Tensor &norm2, const Tensor &norm2Bias, const Tensor &fc1, const Tensor &fc1Bias, const Tensor &fc2, const Tensor &fc2Bias

Tensor block(const Tensor& x, WEIGHTS, int64_t heads, double epsilon) {
  const Plainly plainly;
  const Weights w{norm1, norm1Bias, qkv, qkvBias, proj, projBias, norm2, norm2Bias, fc1, fc1Bias, fc2, fc2Bias};
  checkBlock(x, w, heads);
  Kept kept;
  return forward(x, w, heads, epsilon, kept);
}
Tensor blockWithGradient(const Tensor& x, WEIGHTS, int64_t heads, double epsilon) {
  checkBlock(x, {norm1, norm1Bias, qkv, qkvBias, proj, projBias, norm2, norm2Bias, fc1, fc1Bias, fc2, fc2Bias}, heads);
  return BlockBackward::apply(x, norm1, norm1Bias, qkv, qkvBias, proj, projBias, norm2, norm2Bias, fc1, fc1Bias, fc2, fc2Bias, heads, epsilon);
}
Tensor blockShape(const Tensor& x, WEIGHTS, int64_t, double) { return at::empty(x.sizes(), x.options()); }

#undef WEIGHTS

}  // namespace

REGISTER("block", block, blockWithGradient, blockShape)

}  // namespace lacuna::kernels::LANES
#pragma GCC pop_options
