// Blocks for a signal handler that has interrupted its own thread in a slow path.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/published.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "crimes.hpp"
#include "span.hpp"

namespace basalt::engine {

// The thread may hold any lock, and its heap may be half changed: so these come from nowhere else. 64 slots of 16 KiB for all
// threads, and one word that says which are taken. No lock, and nothing that a handler could find half done.
//
// malloc in a handler is outside of what POSIX allows; this is for programs that do it nevertheless.
template <Os System, class Atomics = StdAtomics>
class NestedBlocks {
 public:
  static constexpr std::size_t slot_bytes = 16 * KiB;

  // Returns: a block that is aligned to slot_bytes; nullptr if it would have to be longer, or all are taken.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (size > slot_bytes || alignment > slot_bytes || !ready()) return nullptr;
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    while (taken != all) {
      const auto slot = static_cast<unsigned>(std::countr_one(taken));
      if (taken_.compare_exchange_weak(taken, taken | bit(slot), std::memory_order_acquire,
                                       std::memory_order_relaxed))
        return begin_.known() + slot * slot_bytes;
    }
    return nullptr;
  }

  // Returns: whether p was one of these.  Errors: a block that is free already, or none, ends the program.
  [[nodiscard]] bool free(void* p) noexcept {
    if (!owns(p)) return false;
    const std::size_t offset = offset_of(p);
    if (offset % slot_bytes != 0) refuse_inside(p);
    const std::uint64_t slot = bit(static_cast<unsigned>(offset / slot_bytes));
    if ((taken_.fetch_and(~slot, std::memory_order_release) & slot) == 0) refuse_double(p);
    return true;
  }

  [[nodiscard]] bool owns(const void* p) const noexcept {
    return begin_.get() != nullptr && offset_of(p) < slots * slot_bytes;
  }

 private:
  static constexpr unsigned slots = 64;
  static constexpr std::uint64_t all = ~std::uint64_t{0};

  [[nodiscard]] static constexpr std::uint64_t bit(unsigned slot) noexcept {
    return std::uint64_t{1} << slot;
  }

  [[nodiscard]] std::size_t offset_of(const void* p) const noexcept {
    return address_of(p) - address_of(begin_.known());
  }

  // Effects: maps the slots at their first use; of several threads that try, one.  Returns: whether they are there.
  [[nodiscard]] bool ready() noexcept {
    if (begin_.get() != nullptr) return true;
    const Result<std::byte*> memory = System::map((slots + 1) * slot_bytes);
    if (!memory.ok()) return begin_.get() != nullptr;
    std::byte* const mine = align_up(memory.value, slot_bytes);
    if (begin_.offer(mine) != mine) (void)System::unmap({memory.value, (slots + 1) * slot_bytes});
    return true;
  }

  [[noreturn, gnu::cold]] static void refuse_inside(const void* p) noexcept {
    Report report;
    report << "basalt: invalid pointer in free: " << p
           << " is not the beginning of a block; it lies in a block of " << slot_bytes
           << " bytes\n  block: one for handlers of signals that interrupt an allocation\n";
    end_report(report, Noticed::at_once, moved);
  }

  Published<std::byte*, Atomics> begin_;
  typename Atomics::template Atomic<std::uint64_t> taken_{0};
};

}  // namespace basalt::engine
