#include "handles.h"

namespace lacuna {

double HandleTable::add(at::Tensor tensor) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    TORCH_CHECK(index <= kSlotMask, "more than 16 million tensors are alive: something holds on to them");
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.tensor = std::move(tensor);
  slot.used = true;
  ++live_;
  return static_cast<double>((uint64_t{slot.generation} << kSlotBits) | index);
}

bool HandleTable::release(double handle) {
  auto* slot = const_cast<Slot*>(find(handle));
  if (slot == nullptr) return false;
  at::Tensor last = std::move(slot->tensor);  // freed after the slot is consistent again
  slot->used = false;
  slot->generation = (slot->generation + 1) & kGenerationMask;
  if (slot->generation == 0) slot->generation = 1;
  free_.push_back(static_cast<uint32_t>(static_cast<uint64_t>(handle) & kSlotMask));
  --live_;
  return true;
}

HandleTable& handles() {
  thread_local HandleTable table;
  return table;
}

}  // namespace lacuna
