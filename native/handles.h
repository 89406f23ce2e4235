// The table that JavaScript's tensor handles point into.
//
// A handle is a number: slot + 2^24 * generation. A released slot gets a new generation, so a stale handle is
// recognised and never reaches another tensor. One table a thread: every Node environment has a thread of its own.
#pragma once
#include <ATen/core/Tensor.h>
#include <cstdint>
#include <vector>

namespace lacuna {

/** Thrown for a handle that was released (or never existed); becomes a DisposedError in TypeScript. */
struct DisposedHandle {
  int argument;  // position among the call's arguments, -1 where there is only one
};

class HandleTable {
 public:
  double add(at::Tensor tensor);
  const at::Tensor& get(double handle, int argument = -1) const {
    const Slot* slot = find(handle);
    if (slot == nullptr) throw DisposedHandle{argument};
    return slot->tensor;
  }
  bool release(double handle);
  bool alive(double handle) const { return find(handle) != nullptr; }
  int64_t live() const { return live_; }

 private:
  struct Slot {
    at::Tensor tensor;
    uint32_t generation = 1;
    bool used = false;
  };
  static constexpr int kSlotBits = 24;
  static constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;
  static constexpr uint32_t kGenerationMask = (uint32_t{1} << 28) - 1;  // slot and generation together stay below 2^53

  const Slot* find(double handle) const {
    if (!(handle >= 1 && handle < 9007199254740992.0)) return nullptr;
    const auto bits = static_cast<uint64_t>(handle);
    if (static_cast<double>(bits) != handle) return nullptr;
    const uint64_t index = bits & kSlotMask;
    if (index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[index];
    return slot.used && slot.generation == (bits >> kSlotBits) ? &slot : nullptr;
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  int64_t live_ = 0;
};

/** This thread's table. */
HandleTable& handles();

}  // namespace lacuna
