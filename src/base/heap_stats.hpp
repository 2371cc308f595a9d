// What a heap can say of itself in numbers.
#pragma once

#include <cstddef>

namespace basalt {

// The law that every heap keeps, at every moment when nobody is inside it:
//
//     live_bytes + free_bytes == grown_bytes - given_back_bytes
struct HeapStats {
  std::size_t allocations = 0;         // calls that returned a block
  std::size_t deallocations = 0;       // blocks that came back
  std::size_t live_bytes = 0;          // in the hands of callers, rounding and prefixes included
  std::size_t peak_live_bytes = 0;     // the most that `live_bytes` has been
  std::size_t free_bytes = 0;          // on the list
  std::size_t free_blocks = 0;         // the list's length
  std::size_t peak_free_blocks = 0;    // the longest that the list has been
  std::size_t largest_free_bytes = 0;  // the largest block on the list
  std::size_t grown_bytes = 0;         // ever obtained from the grower
  std::size_t given_back_bytes = 0;    // ever returned to it

  [[nodiscard]] bool conserved() const noexcept {
    return live_bytes + free_bytes == grown_bytes - given_back_bytes;
  }
};

}  // namespace basalt
