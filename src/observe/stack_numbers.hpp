// A number for each different call stack, found without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../platform/os.hpp"

namespace basalt::observe {

// Stacks are known by a hash of 64 bits: two that share one are one to us, which among a million happens once in 10^7 programs.
template <AddressSpaceOs System>
class StackNumbers {
 public:
  static constexpr std::uint32_t capacity = 1 << 20;

  struct Found {
    std::uint32_t number;  // 0: there is no room for another one
    bool is_new;           // and nobody else is told so
  };

  // Returns: whether there is memory for it.
  [[nodiscard]] bool begin() noexcept {
    const Result<std::byte*> place = System::map(capacity * sizeof(Slot));
    slots_ = place.ok() ? reinterpret_cast<Slot*>(place.value) : nullptr;
    return place.ok();
  }

  // Effects: nothing is known any more.
  void end() noexcept {
    if (slots_ != nullptr)
      (void)System::unmap({reinterpret_cast<std::byte*>(slots_), capacity * sizeof(Slot)});
    slots_ = nullptr;
  }

  // Requires: begin() returned true.
  [[nodiscard]] Found find(std::span<const std::uintptr_t> calls) noexcept {
    const std::uint64_t hash = hash_of(calls);
    for (std::uint32_t probe = 0; probe != most_probes; ++probe) {
      const auto index = static_cast<std::uint32_t>((hash + probe) % capacity);
      Slot& slot = slots_[index];
      std::uint64_t there = slot.load(std::memory_order_relaxed);
      if (there == 0 && slot.compare_exchange_strong(there, hash, std::memory_order_relaxed))
        return {index + 1, true};
      if (there == hash) return {index + 1, false};
    }
    return {0, false};
  }

 private:
  using Slot = std::atomic<std::uint64_t>;  // a hash; 0: free. Nothing else is published by it: relaxed
  static constexpr std::uint32_t most_probes = 64;

  // Never 0. Four sums go on side by side, so that a call of a long stack does not wait for the one before.
  [[nodiscard]] static std::uint64_t hash_of(std::span<const std::uintptr_t> calls) noexcept {
    constexpr std::uint64_t odd = 0x9e37'79b9'7f4a'7c15;
    std::uint64_t a = calls.size(), b = 0, c = 0, d = 0;
    std::size_t i = 0;
    for (; i + 4 <= calls.size(); i += 4) {
      a = a * odd + calls[i];
      b = b * odd + calls[i + 1];
      c = c * odd + calls[i + 2];
      d = d * odd + calls[i + 3];
    }
    for (; i != calls.size(); ++i) a = a * odd + calls[i];
    std::uint64_t hash = 0;
    for (const std::uint64_t sum : {a, b, c, d}) hash = mixed((hash ^ sum) * odd);
    return hash | 1ULL << 63;
  }
  [[nodiscard]] static constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    return value ^ value >> 29;
  }

  Slot* slots_ = nullptr;
};

}  // namespace basalt::observe
