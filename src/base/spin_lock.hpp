// A lock that waits by looking again.
#pragma once

#include <atomic>

#include "atomics.hpp"

namespace basalt {

// Test and test-and-set: waiters read a shared cache line and write it only when it looks free.
//
// `Backoff` is what a waiter does between two looks. It must yield the processor in the end, or a waiter
// could burn the whole time slice that the lock's holder needs to go on.
//
// Constant-initialised and trivially destructible, so that it works before `main` and after it.
template <class Backoff, class Atomics = StdAtomics>
class SpinLock {
 public:
  SpinLock() noexcept = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() noexcept {
    Backoff backoff;
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) backoff.pause();
    }
  }

  // Returns: whether the lock was open and is the caller's now.
  [[nodiscard]] bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }

  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
  typename Atomics::template Atomic<bool> locked_{false};
};

// Holds a lock for the length of a scope.
template <class Lock>
class Holding {
 public:
  explicit Holding(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~Holding() { lock_.unlock(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  Lock& lock_;
};

}  // namespace basalt
