// A span: some slices cut into slots of one size, and which of those are free.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/range.hpp"
#include "../platform/fatal.hpp"
#include "remote.hpp"
#include "size_class.hpp"

namespace basalt::engine {

// One descriptor for each slice of the window; that of a span's first slice speaks for the span. Type-stable: it is
// never unmapped, so a thread that comes late reads an old descriptor, not a fault.
//
// Law: a slot is in exactly one place: its bit in `free`, its bit in `remote`, a bin, an outbox, or a caller's hand.
//      free_count == the number of bits in `free`.
struct alignas(64) Span {
  static constexpr unsigned words = most_slots / 64;

  // What it is cut into: as it is for as long as a slot is in use. Freers read it, so nothing lies on its line of memory that
  // the owner writes all the time.
  std::byte* begin = nullptr;
  std::uint64_t reciprocal = 0;  // of slot_size in steps: see slot_of
  std::uint32_t slot_size = 0;   // bytes
  std::uint16_t slots = 0;
  std::uint16_t slices = 0;
  SizeClass size_class = 0;
  bool zero = false;  // of a large block: whether its memory was zero when it was taken

  // Everybody's.
  std::atomic<Span*> inbox_next{nullptr};  // while on an inbox: see there
  RemoteFrees<StdAtomics> remote;

  // The owner's, under its lock.
  alignas(64) Span* next = nullptr;  // on the owner's list of this class
  Span* previous = nullptr;
  std::uint64_t holes =
      0;  // pages that were given back to the system, and hold free slots only: see holes.hpp
  std::uint16_t free_count = 0;
  std::uint64_t free[words] = {};

  // Effects: cuts `count` slices, which begin at `first`, into slots of class `c`, all of them free.
  void cut(std::byte* first, SizeClass c, unsigned count) noexcept {
    begin = first;
    slot_size = static_cast<std::uint32_t>(slot_bytes(c));
    reciprocal = reciprocal_of(slot_bytes(c));
    slots = static_cast<std::uint16_t>(count * slice_bytes / slot_bytes(c));
    free_count = slots;
    slices = static_cast<std::uint16_t>(count);
    size_class = c;
    holes = 0;
    for (unsigned w = 0; w < words; ++w) {
      const unsigned left = slots > w * 64 ? slots - w * 64 : 0;
      free[w] = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    }
  }

  // Returns: the number of the slot in which `offset` (bytes from `begin`) lies.
  // Exact, since offset / 16 < 2^14 and slot_size / 16 <= 2^11: the error of the reciprocal stays below one slot.
  [[nodiscard]] unsigned slot_of(std::size_t offset) const noexcept {
    return static_cast<unsigned>((offset / slot_step) * reciprocal >> 32);
  }

  [[nodiscard]] std::byte* slot(unsigned index) const noexcept {
    return begin + std::size_t{index} * slot_size;
  }

  // Returns: how many slots other threads have given back that were not collected yet.
  [[nodiscard]] unsigned remote_count() const noexcept {
    unsigned count = 0;
    for (unsigned w = 0; w < words; ++w) count += static_cast<unsigned>(std::popcount(remote.bits(w)));
    return count;
  }

  // Returns: nullptr, or the law that is broken.  Requires: the lock of the owner.
  [[nodiscard]] const char* broken_law() const noexcept {
    unsigned count = 0;
    for (unsigned w = 0; w < words; ++w) {
      count += static_cast<unsigned>(std::popcount(free[w]));
      if ((free[w] & remote.bits(w)) != 0) return "a slot is free in one place only";
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
