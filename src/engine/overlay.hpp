// What whoever is built over the engine asks of it. Nothing is asked of an engine that stands alone.
#pragma once

#include <cstddef>

#include "../base/bits.hpp"

namespace basalt::engine {

// Set before anything is allocated, and read on slow paths only.
struct Overlay {
  bool wary = false;      // spans begin zero, and their pages are there when their slots are handed out
  bool shuffled = false;  // the slots of a refill are handed out in an order that nobody can foresee
  bool apart = false;     // memory that a span of a class has had is for spans of that class only
  // Behind every span, and around blocks with chunks of their own, is what may not be touched.
  bool walls = false;
  // Large blocks that were freed may not be touched for a while, and nobody gets their addresses.
  bool exile = false;
  std::size_t largest_run = 2 * MiB;  // bytes: above it a block has chunks to itself; at most half a chunk
  std::size_t annex = 0;              // bytes beside every heap, at first zero, that are not the engine's
  std::size_t margin = 0;             // bytes by which every request is longer than the program's

  // Called with `self` when the pages of so many slices went back to the system, under the lock of the space: no block is in
  // them.
  void (*gone)(void* self, std::size_t first, std::size_t count) = nullptr;

  // Called likewise before the pages go, for slices in which there were slots of spans, all of them free now.
  void (*going)(void* self, std::size_t first, std::size_t count) = nullptr;

  // Called likewise for every free slot of spans in use that may have a page, before the pages of free slots go back to the
  // system, under the lock of the heap that owns the span.
  void (*idle)(void* self, const std::byte* slot, std::size_t bytes) = nullptr;
  void* self = nullptr;
};

}  // namespace basalt::engine
