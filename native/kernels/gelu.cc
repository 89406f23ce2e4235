// The exact GELU x Φ(x) (Hendrycks & Gimpel 2016) and its gradient Φ(x) + x φ(x) for bfloat16. Both are a function of |x| put
// together with x itself, gelu(x) = max(x, 0) - |x| Φ(-|x|) and gelu'(x) = 1 - gelu'(-x), and that function is read from a table of
// cubic pieces within 2e-6: three times quicker than the error function, and a thousandth of what bfloat16 rounds away.
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

#include "kernels.h"
#include "lanes.h"

namespace lacuna::kernels {
namespace {

/** 32 cubic pieces of a function on [0, kEnd), each with the function's values and slopes at both ends (Hermite); level behind. */
struct Pieces {
  static constexpr int kCount = 32;
  static constexpr double kEnd = 5.656854;  // Φ(-kEnd) is 8e-9
  float coefficients[4][kCount];

  template <typename F, typename D>
  Pieces(F value, D slope) {
    const double h = kEnd / kCount;
    for (int i = 0; i < kCount; ++i) {
      const double a = value(i * h), b = value((i + 1) * h), da = h * slope(i * h), db = h * slope((i + 1) * h);
      const double cubic[4] = {a, da, 3 * (b - a) - 2 * da - db, 2 * (a - b) + da + db};
      for (int k = 0; k < 4; ++k) coefficients[k][i] = static_cast<float>(cubic[k]);
    }
  }
};

double density(double a) { return 0.3989422804014327 * std::exp(-0.5 * a * a); }
double tail(double a) { return 0.5 * std::erfc(a * 0.7071067811865476); }  // Φ(-a)

/** |x| Φ(-|x|) */
const Pieces kGelu([](double a) { return a * tail(a); }, [](double a) { return tail(a) - a * density(a); });
/** gelu'(-|x|) */
const Pieces kSlope([](double a) { return tail(a) - a * density(a); }, [](double a) { return (a * a - 2) * density(a); });

/** A table in registers. */
struct Table {
  explicit Table(const Pieces& pieces) {
    for (int k = 0; k < 4; ++k) {
      low[k] = load(pieces.coefficients[k]);
      high[k] = load(pieces.coefficients[k] + kLanes);
    }
  }
  __m512 low[4], high[4];

  __m512 operator()(__m512 magnitude) const {
    constexpr auto perUnit = static_cast<float>(Pieces::kCount / Pieces::kEnd);
    const __m512 most = _mm512_set1_ps(31.999998f);
    const __m512 at = _mm512_min_ps(most, _mm512_mul_ps(magnitude, _mm512_set1_ps(perUnit)));  // NaN stays NaN
    const __m512i piece = _mm512_cvttps_epi32(at);
    const __m512 u = _mm512_sub_ps(at, _mm512_cvtepi32_ps(piece));
    const auto coefficient = [&](int k) { return _mm512_permutex2var_ps(low[k], piece, high[k]); };
    const __m512 p = _mm512_fmadd_ps(_mm512_fmadd_ps(coefficient(3), u, coefficient(2)), u, coefficient(1));
    return _mm512_fmadd_ps(p, u, coefficient(0));
  }
};

constexpr int64_t kGrain = 16384;

at::Tensor geluOf(const at::Tensor& given) {
  const at::Tensor input = given.contiguous();
  at::Tensor result = at::empty_like(input);
  const BFloat16* from = input.const_data_ptr<BFloat16>();
  BFloat16* to = result.mutable_data_ptr<BFloat16>();
  at::parallel_for(0, input.numel() / kLanes, kGrain / kLanes, [&](int64_t begin, int64_t end) {
    const Table table(kGelu);
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      const __m512 x = load(from + i);
      store(to + i, _mm512_sub_ps(_mm512_max_ps(_mm512_setzero_ps(), x), table(_mm512_abs_ps(x))));
    }
  });
  return result;
}

at::Tensor geluGradient(const at::Tensor& input, const at::Tensor& incoming) {
  at::Tensor result = at::empty_like(input);
  const BFloat16* from = input.const_data_ptr<BFloat16>();
  const BFloat16* given = incoming.const_data_ptr<BFloat16>();
  BFloat16* to = result.mutable_data_ptr<BFloat16>();
  at::parallel_for(0, input.numel() / kLanes, kGrain / kLanes, [&](int64_t begin, int64_t end) {
    const Table table(kSlope);
    for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      const __m512 x = load(from + i), below = table(_mm512_abs_ps(x));
      const __mmask16 isNegative = _mm512_movepi32_mask(_mm512_castps_si512(x));
      const __m512 slope = _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_set1_ps(1.0f), below), isNegative, below);
      store(to + i, _mm512_mul_ps(load(given + i), slope));
    }
  });
  return result;
}

struct GeluBackward : torch::autograd::Function<GeluBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor input = given.contiguous();
    context->save_for_backward({input});
    return geluOf(input);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    return {geluGradient(context->get_saved_variables()[0], gradients[0].contiguous())};
  }
};

void check(const at::Tensor& input) {
  TORCH_CHECK(input.scalar_type() == at::kBFloat16 && input.numel() % kLanes == 0,
              "gelu: expected bfloat16, a multiple of 16 numbers, got ", input.scalar_type(), " ", input.sizes());
}
at::Tensor gelu(const at::Tensor& input) {
  check(input);
  return geluOf(input);
}
at::Tensor geluWithGradient(const at::Tensor& input) {
  check(input);
  return GeluBackward::apply(input);
}
at::Tensor geluShape(const at::Tensor& input) { return at::empty_like(input); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(lacuna, library) { library.def("gelu(Tensor self) -> Tensor"); }
TORCH_LIBRARY_IMPL(lacuna, CPU, library) { library.impl("gelu", gelu); }
TORCH_LIBRARY_IMPL(lacuna, AutogradCPU, library) { library.impl("gelu", geluWithGradient); }
TORCH_LIBRARY_IMPL(lacuna, Meta, library) { library.impl("gelu", geluShape); }

}  // namespace lacuna::kernels
#pragma GCC pop_options
