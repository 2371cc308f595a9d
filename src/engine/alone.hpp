// That a thread is in a slow path.
#pragma once

#include <atomic>

namespace basalt::engine {

// While there is one, this thread is in a slow path: it takes locks, and a signal handler that interrupts it must not wait for
// them. `Thread` is as the engine's.  Requires: the thread is in none yet.
template <class Thread>
class Alone {
 public:
  Alone() noexcept {
    Thread::busy().store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~Alone() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Thread::busy().store(false, std::memory_order_relaxed);
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
};

}  // namespace basalt::engine
