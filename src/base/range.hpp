// A piece of address space: where it begins and how many bytes it has.
#pragma once

#include <cstddef>

#include "bits.hpp"

namespace basalt {

struct Range {
  std::byte* begin = nullptr;
  std::size_t size = 0;  // bytes

  // Counted as a number: a list's head stands for the first byte of all memory, which no pointer may be moved from.
  [[nodiscard]] std::byte* end() const noexcept {
    return reinterpret_cast<std::byte*>(address_of(begin) + size);
  }
  [[nodiscard]] bool empty() const noexcept { return size == 0; }

  [[nodiscard]] bool contains(const Range& other) const noexcept {
    // Written with sizes, not ends: the end of a wild range may have wrapped round.
    const std::uintptr_t ahead = address_of(other.begin) - address_of(begin);
    return address_of(begin) <= address_of(other.begin) && ahead <= size && other.size <= size - ahead;
  }

  // The first `bytes` of this range, and what follows them.  Requires: bytes <= size.
  [[nodiscard]] Range first(std::size_t bytes) const noexcept { return {begin, bytes}; }
  [[nodiscard]] Range after(std::size_t bytes) const noexcept { return {begin + bytes, size - bytes}; }

  friend bool operator==(const Range&, const Range&) = default;
};

// The part of the address space from `begin` up to, not including, `end`.
[[nodiscard]] inline Range range_between(std::byte* begin, std::byte* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// How one range lies to another on the line of addresses.
enum class Relation { before, adjacent_before, overlapping, adjacent_after, after };

[[nodiscard]] inline Relation relation(const Range& self, const Range& other) noexcept {
  if (address_of(self.end()) < address_of(other.begin)) return Relation::before;
  if (address_of(self.end()) == address_of(other.begin)) return Relation::adjacent_before;
  if (address_of(other.end()) < address_of(self.begin)) return Relation::after;
  if (address_of(other.end()) == address_of(self.begin)) return Relation::adjacent_after;
  return Relation::overlapping;
}

// The whole pages inside `range`; empty if it holds none.  Requires: `page` is a power of two.
[[nodiscard]] inline Range whole_pages(const Range& range, std::size_t page) noexcept {
  std::byte* const first = align_up(range.begin, page);
  std::byte* const last = align_down(range.end(), page);
  return address_of(first) < address_of(last) ? range_between(first, last) : Range{first, 0};
}

}  // namespace basalt
