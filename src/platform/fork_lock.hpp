// A lock that lets one thread fork, and one thread die.
#pragma once

#include <pthread.h>

#include <atomic>

#include "fatal.hpp"
#include "raw_os.hpp"

namespace basalt {

// Over a fork the forking thread holds the lock, so that the child's copy of the heap is whole. Meanwhile other
// fork handlers run in that thread, and some were registered before ours: theirs come after ours before the fork
// and before ours after it. They may allocate like anybody else, so to the thread that forks the lock is open.
//
// A thread that finds the heap corrupted dies while it holds the lock, and a program may handle SIGABRT: handlers that
// print a backtrace allocate. Such a handler must not wait for its own thread for ever. It waits for a while, since it
// may be another thread that is in the heap; then the lock is open to it.
template <class Lock>
class ForkLock {
 public:
  constexpr ForkLock() noexcept = default;

  void lock() noexcept {
    if (is_open_to_caller() || lock_.try_lock()) return;
    if (dying()) [[unlikely]] {
      lock_while_dying();
    } else {
      lock_.lock();
    }
  }
  // Returns: whether the lock was open and is the caller's now.
  [[nodiscard]] bool try_lock() noexcept { return is_open_to_caller() || lock_.try_lock(); }
  void unlock() noexcept {
    if (!is_open_to_caller()) lock_.unlock();
  }

  void lock_for_fork() noexcept {
    lock();
    favoured_.store(pthread_self(), std::memory_order_relaxed);
  }
  // Effects: the same, if the lock opens within so many looks, which are counted down; else it stays as it is, and so does its
  // copy in the child.
  void lock_for_fork_if_open(unsigned& looks) noexcept {
    while (!try_lock()) {
      if (looks == 0) return;
      --looks;
      RawOs::yield();
    }
    favoured_.store(pthread_self(), std::memory_order_relaxed);
  }
  static constexpr unsigned patience = 10'000;  // looks, each a system call: some milliseconds in all
  // The only thread of the child has the identity of the one that forked.
  void unlock_after_fork() noexcept {
    if (!is_open_to_caller()) return;
    favoured_.store(pthread_t{}, std::memory_order_relaxed);
    lock_.unlock();
  }

 private:
  // Nobody is asked for an identity unless somebody forks or dies: in the first moments of a process threads have none.
  [[nodiscard]] bool is_open_to_caller() const noexcept {
    const pthread_t favoured = favoured_.load(std::memory_order_relaxed);
    return favoured != pthread_t{} && pthread_equal(favoured, pthread_self()) != 0;
  }

  [[gnu::cold, gnu::noinline]] void lock_while_dying() noexcept {
    for (unsigned look = 0; look < patience; ++look) {
      if (lock_.try_lock()) return;
      RawOs::yield();
    }
    favoured_.store(pthread_self(), std::memory_order_relaxed);
  }

  Lock lock_;
  // Who forks, or dies in the lock, at this moment. Relaxed: a thread can only find itself here, and it wrote that
  // itself.
  std::atomic<pthread_t> favoured_{pthread_t{}};
};

}  // namespace basalt
