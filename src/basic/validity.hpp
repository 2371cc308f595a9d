// What can be wrong with a list of free blocks, counted law by law.
#pragma once

#include <cstddef>

namespace basalt {

// The laws of a BlockList, in the order in which they are reported.
enum class Law { none, order, overlap, merged, size, alignment, ownership, totals };

[[nodiscard]] constexpr const char* name(Law law) noexcept {
  switch (law) {
    case Law::none:
      return "none";
    case Law::order:
      return "blocks are sorted by address";
    case Law::overlap:
      return "blocks do not overlap";
    case Law::merged:
      return "adjacent blocks are merged";
    case Law::size:
      return "every block can hold its header";
    case Law::alignment:
      return "blocks begin and end on the granule";
    case Law::ownership:
      return "every block lies in memory of the heap";
    case Law::totals:
      return "length and total agree with the blocks";
  }
  return "";
}

// How often each law is broken.
struct Validity {
  std::size_t out_of_order = 0;
  std::size_t overlaps = 0;
  std::size_t adjacents = 0;  // neighbours that were not merged
  std::size_t undersized = 0;
  std::size_t misaligned = 0;
  std::size_t foreign = 0;
  std::size_t wrong_totals = 0;

  [[nodiscard]] Law broken() const noexcept {
    if (out_of_order != 0) return Law::order;
    if (overlaps != 0) return Law::overlap;
    if (adjacents != 0) return Law::merged;
    if (undersized != 0) return Law::size;
    if (misaligned != 0) return Law::alignment;
    if (foreign != 0) return Law::ownership;
    return wrong_totals != 0 ? Law::totals : Law::none;
  }
  [[nodiscard]] bool valid() const noexcept { return broken() == Law::none; }
};

// What a walk along a list finds.
struct Stats {
  Validity validity;
  std::size_t length = 0;   // blocks
  std::size_t size = 0;     // bytes in all of them
  std::size_t largest = 0;  // bytes in the largest
};

}  // namespace basalt
