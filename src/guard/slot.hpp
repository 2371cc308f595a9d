// What is known of one guarded block. It lies apart from the block, and outlives it until the slot is used again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/origin.hpp"
#include "../base/range.hpp"
#include "../platform/stack.hpp"

namespace basalt::guard {

// vacant    no block has been here yet, or the next one is being made
// live      a program has it
// leaving   somebody is freeing it
// freed     it may not be touched; everything below still tells of it
enum class State : std::uint8_t { vacant, live, leaving, freed };

// The steps of a slot's life. Whoever finds it at one sees all that was written before that step.
template <class Atomics>
class Stage {
 public:
  [[nodiscard]] State now() const noexcept { return word_.load(std::memory_order_acquire); }

  // Requires: nobody else may take this step.
  void become(State next) noexcept { word_.store(next, std::memory_order_release); }

  // Effects: from `live` to `leaving`.  Returns: whether it was live; of several threads that try, one finds it so.
  // Who frees what is not his any more may find the next block here: he has to see that one, and not what he knew.
  [[nodiscard]] bool leave() noexcept {
    State live = State::live;
    return word_.compare_exchange_strong(live, State::leaving, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

 private:
  typename Atomics::template Atomic<State> word_{State::vacant};
};

// Who wins the step from `live` to `leaving` frees the block; all others free it twice. The rest is written by whoever made
// the last step, before it, and stays as it is while the block is live.
struct Slot {
  Stage<StdAtomics> state;
  Origin origin = Origin::unknown;
  std::byte* block = nullptr;
  std::size_t size = 0;      // bytes that were asked for
  std::size_t rounding = 0;  // bytes that the block would have had without a guard
  Range pages;  // that may be touched while it lives; the block lies at their beginning or their end
  Stack allocated;
  Stack freed;

  [[nodiscard]] std::byte* end() const noexcept { return block + size; }
  [[nodiscard]] bool known() const noexcept { return block != nullptr; }

  // Returns: how far `address` is from the block; 0 inside of it.
  [[nodiscard]] std::size_t distance(std::uintptr_t address) const noexcept {
    if (address < address_of(block)) return address_of(block) - address;
    return address < address_of(end()) ? 0 : address - address_of(end()) + 1;
  }
};

}  // namespace basalt::guard
