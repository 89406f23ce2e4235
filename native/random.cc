// Keyed random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). A row's numbers depend on (key, epoch, sample) alone, never on a stream's history or on the thread count.
// src/data/random.ts is the same generator for the workers, which never load libtorch; a test compares the two.
#include <ATen/Parallel.h>

#include <array>
#include <cmath>

#include "napi.h"

namespace lacuna {
namespace {

using Block = std::array<uint32_t, 4>;

Block philox(Block counter, uint32_t key0, uint32_t key1) {
  constexpr uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = kMultiply0 * counter[0];
    const uint64_t b = kMultiply1 * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(a)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

/** 24 random bits -> [0, 1), exact in float32 */
float unit(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

/** Box and Muller: words (0, 1) and (2, 3) of a block give two normal numbers each. */
std::array<float, 4> normals(const Block& words) {
  std::array<float, 4> result;
  for (int pair = 0; pair < 2; ++pair) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(unit(words[2 * pair]))));
    const double angle = 6.283185307179586 * static_cast<double>(unit(words[2 * pair + 1]));
    result[2 * pair] = static_cast<float>(radius * std::cos(angle));
    result[2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return result;
}

struct Row {
  uint32_t key0, key1, sample, epoch;
};

void fillRow(float* out, int64_t size, const Row& row, bool normal) {
  at::parallel_for(0, (size + 3) / 4, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const Block words = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), row.sample, row.epoch},
                                 row.key0, row.key1);
      const auto values = normal ? normals(words)
                                 : std::array<float, 4>{unit(words[0]), unit(words[1]), unit(words[2]), unit(words[3])};
      for (int64_t i = 0; i < 4 && block * 4 + i < size; ++i) out[block * 4 + i] = values[i];
    }
  });
}

/** fillRandom(tensor [R …] float32 on the CPU, key0, key1, epoch, samples [R], normal): row r is keyed by samples[r]. */
napi_value fillRandom(const Arguments& args) {
  const at::Tensor tensor = handles().get(args.number(0)).detach();
  TORCH_CHECK(tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous(),
              "random numbers fill a contiguous float32 tensor on the CPU");
  const std::vector<int64_t> samples = args.integers(4);
  const auto rows = static_cast<int64_t>(samples.size());
  TORCH_CHECK(rows > 0 && tensor.numel() % rows == 0, tensor.numel(), " numbers do not split into ", rows, " rows");
  const int64_t width = tensor.numel() / rows;
  float* data = tensor.mutable_data_ptr<float>();
  for (int64_t r = 0; r < rows; ++r) {
    const Row row{static_cast<uint32_t>(args.integer(1)), static_cast<uint32_t>(args.integer(2)),
                  static_cast<uint32_t>(samples[r]), static_cast<uint32_t>(args.integer(3))};
    fillRow(data + r * width, width, row, args.boolean(5));
  }
  return undefined(args.env);
}

}  // namespace

void exportRandom(napi_env env, napi_value exports) { exportAll(env, exports, {{"fillRandom", guarded<fillRandom>}}); }

}  // namespace lacuna
