// That a thread is at its bins: about to take a slot from one, or to put one in.
#pragma once

#include <atomic>

namespace basalt::hardened {

// While there is one, a signal handler that comes in between must leave the bins and the ward of its thread as they are, since
// they are written to where its return leads: it is served like a thread that has no heap. `Thread` is as that of Hardened.
// Requires: the thread is in none yet.
template <class Thread>
class Inside {
 public:
  [[gnu::always_inline]] Inside() noexcept {
    Thread::inside().store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  [[gnu::always_inline]] ~Inside() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Thread::inside().store(false, std::memory_order_relaxed);
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  [[nodiscard]] static bool already() noexcept { return Thread::inside().load(std::memory_order_relaxed); }
};

// Effects: `call` is made inside, or without the thread's heap where it is inside already.  Returns: what the call returns.
template <class Thread, class Call>
auto call_inside(Call&& call) noexcept {
  if (!Inside<Thread>::already()) {
    Inside<Thread> inside;
    return call();
  }
  const auto own = Thread::heap();
  Thread::give(Thread::departed());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const auto result = call();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Thread::give(own);
  return result;
}

}  // namespace basalt::hardened
