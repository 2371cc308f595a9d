// How the C++ doors give a block back.
#pragma once

#include <cstddef>

#include "../base/allocator.hpp"
#include "../platform/fatal.hpp"

namespace basalt::door {

// Effects: frees a block that has `bytes`; where the heap can tell, another size ends the program.
// Errors: a block of another heap ends the program with a sentence.
template <Allocator Heap>
void give_to(Heap& heap, void* p, std::size_t bytes) noexcept {
  bool ours = false;
  if constexpr (ChecksSizes<Heap>) {
    ours = heap.deallocate(p, bytes);
  } else {
    ours = heap.deallocate(p);
  }
  if (!ours) fatal(Text{} << "basalt: invalid pointer in deallocate: " << p << " was not allocated here");
}

}  // namespace basalt::door
