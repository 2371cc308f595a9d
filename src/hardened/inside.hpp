// That a thread is about to take a slot from a bin, or to put one in.
#pragma once

#include <atomic>

namespace basalt::hardened {

// While there is one, a signal handler that comes in between may do the same if it leaves the bin as it was: so what it frees goes
// there, and not to the quarantine. `Thread` is as that of Hardened.
template <class Thread>
class Inside {
 public:
  [[gnu::always_inline]] explicit Inside(bool before = already()) noexcept : before_{before} {
    Thread::inside().store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  [[gnu::always_inline]] ~Inside() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Thread::inside().store(before_, std::memory_order_relaxed);
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  [[nodiscard]] static bool already() noexcept { return Thread::inside().load(std::memory_order_relaxed); }

 private:
  bool before_;
};

}  // namespace basalt::hardened
