// Whether guarded slots would notice what they are there to notice: tried on a block of our own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../platform/faults.hpp"
#include "../platform/stack.hpp"
#include "guarded_slots.hpp"
#include "sampling.hpp"

namespace basalt::guard {

// Returns: nullptr if they would; else what is wrong, in words. No fault is caused: the kernel is asked what can be read.
template <AddressSpaceOs System>
[[nodiscard]] const char* self_test(GuardedSlots<System>& slots, Sampling sampling) noexcept {
  if (sampling.rate == 0) return "guarding is off";
  const std::size_t page = System::page_size();
  auto* const block =
      static_cast<std::byte*>(slots.allocate({page, 16, Origin::unknown, page}, sampling.slots));
  if (block == nullptr) return "no slot is free, or the system refuses the memory for one";
  const bool usable = readable(address_of(block)) && readable(address_of(block) + page - 8);
  const bool fenced = !readable(address_of(block) - 8) && !readable(address_of(block) + page);
  (void)slots.free(block, Origin::unknown);
  if (!usable) return "a guarded block cannot be used";
  if (!fenced) return "what lies beside a guarded block can be read";
  if (readable(address_of(block))) return "a guarded block can be read after it was freed";
  return hears_faults() ? nullptr : "the program has set a handler of SIGSEGV since";
}

}  // namespace basalt::guard
