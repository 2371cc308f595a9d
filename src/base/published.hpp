// A word that one thread writes when what it stands for is ready, and that all others may find at any time.
#pragma once

#include <atomic>

#include "atomics.hpp"

namespace basalt {

// Whoever finds a value here sees all that was written before it was published. So what is made at its first use is made without
// a lock: whoever comes first has made it, and who comes second undoes his own.
//
// Constant-initialised: at first it is T{}, and nothing is published.
template <class T, class Atomics = StdAtomics>
class Published {
 public:
  [[nodiscard]] T get() const noexcept { return word_.load(std::memory_order_acquire); }

  // The same for whoever has published it himself, holds the lock under which it is, or uses no more than the word.
  [[nodiscard]] T known() const noexcept { return word_.load(std::memory_order_relaxed); }

  // Effects: publishes `value`.
  void set(T value) noexcept { word_.store(value, std::memory_order_release); }

  // Effects: the same.  Returns: what was published before.
  T swap(T value) noexcept { return word_.exchange(value, std::memory_order_acq_rel); }

  // Effects: publishes `mine` if nothing is there.  Returns: what is there now; of several threads, one finds its own.
  [[nodiscard]] T offer(T mine) noexcept {
    T there{};
    return word_.compare_exchange_strong(there, mine, std::memory_order_release, std::memory_order_acquire)
               ? mine
               : there;
  }

 private:
  typename Atomics::template Atomic<T> word_{T{}};
};

}  // namespace basalt
