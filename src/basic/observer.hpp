// Who watches the steps of the small kitchen.
//
// An observer is a type. Each step calls one of its functions with the blocks and ranges that the step
// touches; the default has empty ones, and then not one instruction of the watching is left.
#pragma once

#include "../base/range.hpp"

namespace basalt {

struct Silent {
  static void searched(Range) noexcept {}       // the search looked at this free block
  static void inserted(Range) noexcept {}       // this block is on the list now, unmerged
  static void unlinked(Range) noexcept {}       // this block left the list whole
  static void split(Range, Range) noexcept {}   // from this free block, that part was taken
  static void merged(Range, Range) noexcept {}  // this free block grew by that neighbour
  static void grew(Range) noexcept {}           // this came from the grower
  static void gave_back(Range) noexcept {}      // this went back to the grower
};

}  // namespace basalt
