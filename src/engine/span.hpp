// A span: some slices cut into slots of one size, and which of those are free.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/range.hpp"
#include "../platform/fatal.hpp"
#include "size_class.hpp"

namespace basalt::engine {

using HeapId = std::uint32_t;  // 1 .. most_heaps; 0 is nobody

// attached   the owner has it on one of its lists
// full       every slot is out; nobody has it on a list, it lives by its slots alone
// returned   it was full, and a thread that is not its owner has put it on the owner's inbox
enum class SpanState : std::uint8_t { attached, full, returned };

// Owner, generation and state in one word, so that all three are read and changed at once. A generation ends when the
// span's slices are released: whoever still knows the span by an older one has nothing more to do with it.
class SpanWord {
 public:
  constexpr SpanWord() noexcept = default;
  constexpr SpanWord(HeapId owner, std::uint32_t generation, SpanState state) noexcept
      : bits_{std::uint64_t{generation} << 32 | std::uint64_t{owner} << 8 |
              static_cast<std::uint64_t>(state)} {}

  [[nodiscard]] constexpr HeapId owner() const noexcept {
    return static_cast<HeapId>(bits_ >> 8 & 0xff'ffff);
  }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  [[nodiscard]] constexpr SpanState state() const noexcept { return static_cast<SpanState>(bits_ & 0xff); }

  [[nodiscard]] constexpr SpanWord in(SpanState state) const noexcept {
    return {owner(), generation(), state};
  }

  friend constexpr bool operator==(SpanWord, SpanWord) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};

// One descriptor for each slice of the window; that of a span's first slice speaks for the span. Type-stable: it is
// never unmapped, so a thread that comes late reads an old descriptor, not a fault.
//
// Law: a slot is in exactly one place: its bit in `free`, its bit in `remote`, a cache, an outbox, or a caller's hand.
//      free_count == the number of bits in `free`.
struct Span {
  static constexpr unsigned words = most_slots / 64;

  // The owner's, under its lock.
  Span* next = nullptr;  // on the owner's list of this class
  Span* previous = nullptr;
  std::byte* begin = nullptr;
  std::uint64_t reciprocal = 0;  // of slot_size in steps: see slot_of
  std::uint32_t slot_size = 0;   // bytes
  std::uint16_t slots = 0;
  std::uint16_t free_count = 0;
  std::uint16_t first_slice = 0;  // distance back to the span's first slice: 0 in the descriptor that speaks
  std::uint16_t slices = 0;
  SizeClass size_class = 0;

  // Everybody's.
  std::atomic<SpanWord> word{};
  Span* inbox_next = nullptr;  // while on an inbox: written by the one that pushed it

  std::uint64_t free[words] = {};
  std::atomic<std::uint64_t> remote[words] = {};

  // Returns: the number of the slot in which `offset` (bytes from `begin`) lies.
  // Exact, since offset / 16 < 2^14 and slot_size / 16 <= 2^11: the error of the reciprocal stays below one slot.
  [[nodiscard]] unsigned slot_of(std::size_t offset) const noexcept {
    return static_cast<unsigned>((offset / slot_step) * reciprocal >> 32);
  }

  [[nodiscard]] std::byte* slot(unsigned index) const noexcept {
    return begin + std::size_t{index} * slot_size;
  }

  // Returns: nullptr, or the law that is broken.  Requires: the lock of the owner.
  [[nodiscard]] const char* broken_law() const noexcept {
    unsigned count = 0;
    for (unsigned w = 0; w < words; ++w) {
      count += static_cast<unsigned>(std::popcount(free[w]));
      if ((free[w] & remote[w].load(std::memory_order_relaxed)) != 0)
        return "a slot is free in one place only";
    }
    if (count != free_count) return "a span counts its free slots rightly";
    return count <= slots ? nullptr : "a span has no more free slots than slots";
  }

  [[nodiscard]] static constexpr std::uint64_t reciprocal_of(std::size_t slot_size) noexcept {
    const std::uint64_t steps = slot_size / slot_step;
    return ((std::uint64_t{1} << 32) + steps - 1) / steps;
  }
};

[[noreturn, gnu::cold]] inline void refuse_double(const void* block) noexcept {
  fatal(Text{} << "basalt: double free: " << block << " is free already");
}

// Returns: the number of the slot that begins at `block`.  Errors: ends the program if none does.
[[nodiscard]] inline unsigned checked_slot(const Span& span, const std::byte* block) noexcept {
  const std::size_t offset = address_of(block) - address_of(span.begin);
  const unsigned slot = span.slot_of(offset);
  if (slot < span.slots && std::size_t{slot} * span.slot_size == offset) return slot;
  fatal(Text{} << "basalt: invalid pointer in free: " << static_cast<const void*>(block)
               << " is not the beginning of a block; it lies in a block of " << std::size_t{span.slot_size}
               << " bytes");
}

}  // namespace basalt::engine
