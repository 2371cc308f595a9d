// A lock that lets one thread fork.
#pragma once

#include <pthread.h>

#include <atomic>

namespace basalt {

// Over a fork the forking thread holds the lock, so that the child's copy of the heap is whole. Meanwhile other
// fork handlers run in that thread, and some were registered before ours: theirs come after ours before the fork
// and before ours after it. They may allocate like anybody else, so to the thread that forks the lock is open.
template <class Lock>
class ForkLock {
 public:
  constexpr ForkLock() noexcept = default;

  void lock() noexcept {
    if (!held_by_forking_caller()) lock_.lock();
  }
  void unlock() noexcept {
    if (!held_by_forking_caller()) lock_.unlock();
  }

  void lock_for_fork() noexcept {
    lock_.lock();
    forking_.store(pthread_self(), std::memory_order_relaxed);
  }
  // The only thread of the child has the identity of the one that forked.
  void unlock_after_fork() noexcept {
    forking_.store(pthread_t{}, std::memory_order_relaxed);
    lock_.unlock();
  }

 private:
  // Nobody is asked for an identity unless somebody forks: in the first moments of a process threads have none.
  [[nodiscard]] bool held_by_forking_caller() const noexcept {
    const pthread_t forking = forking_.load(std::memory_order_relaxed);
    return forking != pthread_t{} && pthread_equal(forking, pthread_self()) != 0;
  }

  Lock lock_;
  // Who forks at this moment. Relaxed: a thread can only find itself here, and it wrote that itself.
  std::atomic<pthread_t> forking_{pthread_t{}};
};

}  // namespace basalt
