#include "kernels.h"

#include <torch/library.h>

#include <cstdlib>
#include <string_view>

namespace lacuna::kernels {
namespace {

struct Path {
  const char* name;
  bool runs;
};

/** The best first. */
const Path* paths() {
  static const bool two = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const bool five = two && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  static const bool low = five && __builtin_cpu_supports("avx512bf16");
  static const Path all[] = {{"avx512-bf16-amx", low && __builtin_cpu_supports("amx-bf16")}, {"avx512-bf16", low}, {"avx512", five}, {"avx2", two}, {"none", true}};
  return all;
}

}  // namespace

const char* path() {
  static const char* chosen = [] {
    const char* given = std::getenv("LACUNA_KERNELS");
    const std::string_view wanted = given == nullptr ? "" : given;
    const Path* each = paths();
    if (wanted == "off") return "none";
    for (const Path* p = each; p->name != std::string_view("none"); ++p)
      if (p->runs && (wanted.empty() || wanted == p->name)) return p->name;
    return "none";
  }();
  return chosen;
}

bool multipliesBfloat16() { return std::string_view(path()).find("bf16") != std::string_view::npos; }

TORCH_LIBRARY_FRAGMENT(lacuna, library) {
  library.def("add_branch(Tensor stream, Tensor branch) -> Tensor");
  library.def("attention(Tensor qkv, int heads) -> Tensor");
  library.def("block(Tensor input, Tensor norm1_weight, Tensor norm1_bias, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, Tensor proj_bias, "
              "Tensor norm2_weight, Tensor norm2_bias, Tensor fc1_weight, Tensor fc1_bias, Tensor fc2_weight, Tensor fc2_bias, int heads, float eps) -> Tensor");
  library.def("conv3x3(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  library.def("gelu(Tensor self) -> Tensor");
  library.def("layer_norm(Tensor input, Tensor weight, Tensor bias, float eps) -> Tensor");
  library.def("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  library.def("take(Tensor self, Tensor ids) -> Tensor");
}

}  // namespace lacuna::kernels
