// How the hardened library has the engine lay out its memory. Each of these is asked for when the heap begins, and done on slow
// paths.
#pragma once

#include <cstddef>

#include "../base/bits.hpp"

namespace basalt::hardened {

// Memory that a span of one size class has had is for spans of that class only: an old pointer and a new block are of one size.
struct Ranges {
  static constexpr bool apart = true;
};
struct NoRanges {
  static constexpr bool apart = false;
};

// What may not be touched lies behind every span, at the end of every chunk, and around every block that has chunks to itself.
// Requires: Ranges.
struct Walls {
  static constexpr bool walls = true;
  static constexpr std::size_t largest_run = 256 * KiB;  // bytes: above it a block has chunks to itself
};
struct NoWalls {
  static constexpr bool walls = false;
  static constexpr std::size_t largest_run = 2 * MiB;
};

// The addresses of large blocks that were freed may not be touched for a while, and nobody gets them.
struct Exile {
  static constexpr bool exile = true;
};
struct NoExile {
  static constexpr bool exile = false;
};

// The slots of a refill are handed out in a random order.
struct Shuffle {
  static constexpr bool shuffled = true;
};
struct NoShuffle {
  static constexpr bool shuffled = false;
};

}  // namespace basalt::hardened
