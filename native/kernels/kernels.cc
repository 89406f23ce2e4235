#include "kernels.h"

#include <cstdlib>
#include <string_view>

namespace lacuna::kernels {

bool hasLanes() {
  const char* wanted = std::getenv("LACUNA_KERNELS");
  static const bool has = (wanted == nullptr || std::string_view(wanted) != "off") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bf16");
  return has;
}

}  // namespace lacuna::kernels
