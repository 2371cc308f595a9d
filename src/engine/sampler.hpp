// Which requests of a heap get a guarded slot.
#pragma once

#include <cstddef>

#include "../guard/guarded_slots.hpp"
#include "../platform/start.hpp"
#include "heap.hpp"
#include "large.hpp"
#include "policy.hpp"
#include "short_path.hpp"

namespace basalt::engine {

// Effects: the heap counts its requests if the policy wishes it, and does not otherwise. Before libc is up there is no handler
// that could hear of a fault.
// Returns: whether there was something to change.
template <AddressSpaceOs System>
[[nodiscard]] bool set_rate(Heap<System>& heap, guard::GuardedSlots<System>& slots) noexcept {
  const guard::Sampling wish = heap.policy->sampling();
  const std::uint32_t rate = libc_up() ? wish.rate : 0;
  if (rate == heap.countdown.rate()) [[likely]]
    return false;
  heap.countdown.draw(rate, slots.random());
  heap.small_limit = rate == 0 ? largest_small : 0;
  return true;
}

// Effects: a heap that counts begins anew.
template <AddressSpaceOs System>
void redraw(Heap<System>& heap, guard::GuardedSlots<System>& slots) noexcept {
  if (heap.countdown.rate() != 0) heap.countdown.draw(heap.countdown.rate(), slots.random());
}

// Effects: the same in a forked child, which then draws other numbers than its parent.
template <AddressSpaceOs System>
void differ_from_parent(Heap<System>& heap, guard::GuardedSlots<System>& slots) noexcept {
  slots.reseed();
  redraw(heap, slots);
}

// Returns: a guarded block; nullptr if there is no slot for it, and an ordinary one has to do.
// Requires: it is due by the heap's countdown, which begins anew either way.
template <AddressSpaceOs System>
[[nodiscard]] void* guarded_block(Heap<System>& heap, guard::GuardedSlots<System>& slots, std::size_t size,
                                  std::size_t alignment, Origin origin) noexcept {
  (void)set_rate(heap, slots);
  const guard::Sampling wish = heap.policy->sampling();
  redraw(heap, slots);
  if (heap.countdown.rate() == 0) return nullptr;
  const bool small = size <= largest_small && alignment <= slice_bytes;
  const std::size_t rounding = small ? slot_for(size, alignment) : align_up(size, slice_bytes);
  return slots.allocate({size, alignment, origin, rounding}, wish.slots);
}

// Effects: the heap follows the policy.
// Returns: a guarded block, if it begins to count just now and this request, its first one, is due; else nullptr.
template <AddressSpaceOs System>
[[nodiscard]] void* heed_sampling(Heap<System>& heap, guard::GuardedSlots<System>& slots, std::size_t size,
                                  Origin origin) noexcept {
  if (!set_rate(heap, slots) || !heap.countdown.due()) [[likely]]
    return nullptr;
  return guarded_block(heap, slots, size, slot_step, origin);
}

}  // namespace basalt::engine
