// Who is asked when a request cannot be served.
#pragma once

#include <cstddef>

#include "../base/bits.hpp"
#include "../base/published.hpp"

namespace basalt::engine {

// Returns: 0 to refuse the request; anything else to try it again.
using AskForMemory = int (*)(std::size_t size);

inline constexpr std::size_t largest_alignment = GiB;

// Returns: whether such a request could be served at all, if there were memory enough.
[[nodiscard]] constexpr bool servable(std::size_t size, std::size_t alignment) noexcept {
  return size <= max_request && alignment <= largest_alignment;
}

// The handler of the process; like that of operator new, but for every function.
class MemoryHandler {
 public:
  // Returns: the handler until now; nullptr if there was none.
  AskForMemory set(AskForMemory handler) noexcept { return handler_.swap(handler); }

  // Effects: calls `take` until it returns a block, or the handler gives up.  Requires: no lock is held.
  template <class Take>
  [[nodiscard]] void* ask_until(std::size_t size, std::size_t alignment, Take&& take) const noexcept {
    for (;;) {
      if (void* const block = take()) return block;
      const AskForMemory handler = handler_.get();
      if (handler == nullptr || !servable(size, alignment) || handler(size) == 0) return nullptr;
    }
  }

 private:
  Published<AskForMemory> handler_;
};

}  // namespace basalt::engine
