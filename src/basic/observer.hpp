// Who watches the steps of the small kitchen.
//
// An observer is a type. Each step calls one of its functions with the blocks and ranges that the step
// touches; the default has empty ones, and then not one instruction of the watching is left.
//
// The free list can be told from the events alone: `inserted` adds a block, `unlinked` removes one, `split` takes a
// part out of one, `merged` makes one of two. `TextObserver` prints them.
#pragma once

#include "../base/range.hpp"

namespace basalt {

struct Silent {
  static void searched(Range) noexcept {}         // the search looked at this free block
  static void inserted(Range) noexcept {}         // this range is on the list now, unmerged
  static void unlinked(Range) noexcept {}         // this block left the list whole
  static void split(Range, Range) noexcept {}     // from this free block, that part was taken
  static void merged(Range, Range) noexcept {}    // this free block grew by the range that follows it
  static void grew(Range) noexcept {}             // this came from the grower
  static void gave_back(Range) noexcept {}        // this went back to the grower
  static void decommitted(Range) noexcept {}      // this stays on the list, but its pages went back
  static void remapped(Range, Range) noexcept {}  // the pages here went to that place, contents and all
};

}  // namespace basalt
