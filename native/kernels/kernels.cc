#include "kernels.h"

#include <cstdlib>

namespace lacuna::kernels {

bool hasLanes() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bf16") && std::getenv("LACUNA_KERNELS_OFF") == nullptr;
  return has;
}

}  // namespace lacuna::kernels
