// A span: some slices cut into slots of one size, and which of those are free.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/bits.hpp"
#include "../base/range.hpp"
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
  std::uint32_t slot_size = 0;  // bytes: an odd number, and that twice, `twos` times
  std::uint32_t slots = 0;
  std::uint32_t inverse = 0;  // of that odd number, modulo 2^32: see slot_at
  std::uint8_t twos = 0;
  SizeClass size_class = 0;
  std::uint16_t slices = 0;
  bool zero = false;  // of a large block: whether its memory was zero when it was taken

  // Everybody's.
  std::atomic<Span*> inbox_next{nullptr};  // while on an inbox: see there
  RemoteFrees<StdAtomics> remote;

  // The owner's, under its lock.
  alignas(64) Span* next = nullptr;  // on the owner's list of this class
  Span* previous = nullptr;
  // Pages that were given back to the system, and hold free slots only: see holes.hpp.
  std::uint64_t holes = 0;
  std::uint16_t free_count = 0;
  std::uint64_t free[words] = {};

  // Effects: cuts `count` slices, which begin at `first`, into slots of class `c`, all of them free.
  void cut(std::byte* first, SizeClass c, unsigned count) noexcept {
    begin = first;
    slot_size = static_cast<std::uint32_t>(slot_bytes(c));
    twos = static_cast<std::uint8_t>(std::countr_zero(slot_size));
    inverse = inverse_of(slot_size >> twos);
    slots = static_cast<std::uint32_t>(count * slice_bytes / slot_bytes(c));
    free_count = static_cast<std::uint16_t>(slots);
    slices = static_cast<std::uint16_t>(count);
    size_class = c;
    holes = 0;
    for (unsigned w = 0; w < words; ++w) {
      const unsigned left = slots > w * 64 ? slots - w * 64 : 0;
      free[w] = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    }
  }

  // Returns: the number of the slot that begins at the byte `offset` from `begin`, as if the slots had no end; if none does, a
  // number above that of any slot.
  //
  // To multiply by the inverse and to turn the bits round takes each number of 32 bits to another one, and n * slot_size to n.
  // So the numbers below 2^32 / slot_size are taken, and all that is no multiple goes above them.
  [[nodiscard]] unsigned slot_at(std::size_t offset) const noexcept {
    return std::rotr(static_cast<std::uint32_t>(offset) * inverse, twos);
  }

  // Returns: the number of the slot in which that byte lies.
  [[nodiscard]] unsigned slot_of(std::size_t offset) const noexcept {
    return static_cast<unsigned>(offset / slot_size);
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

  // Returns: the number that gives 1 when `odd` is multiplied by it, modulo 2^32. Each step doubles the bits that are right;
  // of an odd number, times itself, three are.
  [[nodiscard]] static constexpr std::uint32_t inverse_of(std::uint32_t odd) noexcept {
    std::uint32_t inverse = odd;
    for (int right = 3; right < 32; right *= 2) inverse *= 2 - odd * inverse;
    return inverse;
  }
};

}  // namespace basalt::engine
