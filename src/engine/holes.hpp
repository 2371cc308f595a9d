// Pages of a span in which no block lives, and which therefore need not be there.
//
// A few survivors of a busy time keep their spans, and in them, page by page, the room that all the others had. Such pages
// can go back to the system one by one: no block is moved, and a slot that is handed out later brings its page back.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "span.hpp"

namespace basalt::engine {

// Span::holes has a bit for each so many bytes of a span, which may be less than a page.
inline constexpr std::size_t hole_bytes = 4 * KiB;
static_assert(16 * slice_bytes / hole_bytes <= 64, "a span has no more slices than that: see span_slices");

// The bits of the bytes from `begin` to before `end`, of which there is at least one.
[[nodiscard]] constexpr std::uint64_t holes_between(std::size_t begin, std::size_t end) noexcept {
  const std::uint64_t up_to_last = ~std::uint64_t{0} >> (63 - (end - 1) / hole_bytes);
  return up_to_last & (~std::uint64_t{0} << begin / hole_bytes);
}

[[nodiscard]] constexpr std::size_t bytes_in(std::uint64_t holes) noexcept {
  return static_cast<std::size_t>(std::popcount(holes)) * hole_bytes;
}

// All of the following require the lock of the span's owner.

// Returns: where there is nothing but free slots.
[[nodiscard]] inline std::uint64_t empty_places(const Span& span) noexcept {
  std::uint64_t taken = 0;
  for (unsigned w = 0; w * 64 < span.slots; ++w) {
    const unsigned here = std::min(span.slots - w * 64, 64U);
    std::uint64_t used = ~span.free[w] & (~std::uint64_t{0} >> (64 - here));
    for (; used != 0; used &= used - 1) {
      const std::size_t slot = w * 64 + static_cast<unsigned>(std::countr_zero(used));
      taken |= holes_between(slot * span.slot_size, (slot + 1) * span.slot_size);
    }
  }
  return ~taken & holes_between(0, span.slices * slice_bytes);
}

// Effects: calls look(slot) for every free slot, but for those that lie in holes whole.
template <class Look>
void each_idle_slot(const Span& span, Look&& look) noexcept {
  for (unsigned w = 0; w * 64 < span.slots; ++w) {
    for (std::uint64_t bits = span.free[w]; bits != 0; bits &= bits - 1) {
      const unsigned slot = w * 64 + static_cast<unsigned>(std::countr_zero(bits));
      const std::size_t begin = std::size_t{slot} * span.slot_size;
      if ((holes_between(begin, begin + span.slot_size) & ~span.holes) != 0) look(span.slot(slot));
    }
  }
}

// Effects: gives what is empty back to the system, in whole pages, run by run.  Returns: the bytes of the runs that went.
template <class Os>
std::size_t make_holes(Span& span) noexcept {
  std::size_t gone = 0;
  std::uint64_t next = 0;
  for (std::uint64_t left = empty_places(span); left != 0; left &= ~next) {
    const auto first = static_cast<unsigned>(std::countr_zero(left));
    const auto count = static_cast<unsigned>(std::countr_one(left >> first));
    next = holes_between(first * hole_bytes, (first + count) * hole_bytes);
    const Range pages = whole_pages({span.begin + first * hole_bytes, count * hole_bytes}, Os::page_size());
    if ((next & ~span.holes) == 0 || pages.empty() || Os::decommit(pages)) continue;
    const std::size_t begin = address_of(pages.begin) - address_of(span.begin);
    span.holes |= holes_between(begin, begin + pages.size);
    gone += pages.size;
  }
  return gone;
}

// Effects: the slots up to `last` may be written to now.  Returns: the holes that are none any more.
//
// Slots are handed out from the lowest on: where one of those before `last` is in use already, there is no hole.
inline std::uint64_t fill_holes(Span& span, unsigned last) noexcept {
  if (span.holes == 0) [[likely]]
    return 0;
  const std::uint64_t filled = span.holes & holes_between(0, (std::size_t{last} + 1) * span.slot_size);
  span.holes &= ~filled;
  return filled;
}

}  // namespace basalt::engine
