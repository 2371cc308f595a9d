// What whoever is built over the engine asks of it. Nothing is asked of an engine that stands alone.
#pragma once

#include <cstddef>

namespace basalt::engine {

// Set before anything is allocated, and read on slow paths only.
struct Overlay {
  bool wary = false;  // spans begin zero, and their slots are handed out in an order that nobody can foresee
  std::size_t margin = 0;  // bytes by which every request is longer than the program's

  // Called with `self` when the pages of so many slices went back to the system, under the lock of the space: no block is in
  // them.
  void (*gone)(void* self, std::size_t first, std::size_t count) = nullptr;
  void* self = nullptr;
};

}  // namespace basalt::engine
