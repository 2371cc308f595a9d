// A lock round an allocator that has none.
#pragma once

#include <cstddef>

#include "../base/heap_stats.hpp"
#include "../base/layout.hpp"
#include "../base/range.hpp"
#include "../base/result.hpp"
#include "../base/spin_lock.hpp"
#include "validity.hpp"

namespace basalt {

// A lock that knows of fork lets the forking thread allocate while it holds the lock: see ForkLock.
template <class Lock>
concept ForkAware = requires(Lock& lock) {
  lock.lock_for_fork();
  lock.unlock_after_fork();
};

// Every operation of `Raw`, one thread at a time. Constant-initialised, so that its first use may come at any
// moment, from any thread, before `main` or after it.
template <class Raw, class Lock>
class Locked {
 public:
  constexpr Locked() noexcept = default;

  [[nodiscard]] Result<std::byte*> allocate(Layout layout) noexcept {
    Holding hold{lock_};
    return raw_.allocate(layout);
  }

  void deallocate(std::byte* block, std::size_t size) noexcept {
    Holding hold{lock_};
    raw_.deallocate(block, size);
  }

  [[nodiscard]] Result<std::byte*> reallocate(std::byte* block, std::size_t size, Layout wanted) noexcept {
    Holding hold{lock_};
    return raw_.reallocate(block, size, wanted);
  }

  bool trim() noexcept {
    Holding hold{lock_};
    return raw_.trim();
  }

  [[nodiscard]] HeapStats stats() const noexcept {
    Holding hold{lock_};
    return raw_.stats();
  }

  [[nodiscard]] Validity validate() const noexcept {
    Holding hold{lock_};
    return raw_.validate();
  }

  [[nodiscard]] bool is_free(const std::byte* place) const noexcept {
    Holding hold{lock_};
    return raw_.is_free(place);
  }

  // Returns: whether the grower inside gave all of `range`.
  [[nodiscard]] bool owns(Range range) const noexcept {
    Holding hold{lock_};
    return raw_.grower().owns(range);
  }

  // A child gets a copy of the memory as it is at the fork, and only the thread that forked. So that thread
  // holds the lock meanwhile: the copy is then whole, and the lock is its own to open in both processes.
  void before_fork() noexcept {
    if constexpr (ForkAware<Lock>) {
      lock_.lock_for_fork();
    } else {
      lock_.lock();
    }
  }
  void after_fork() noexcept {
    if constexpr (ForkAware<Lock>) {
      lock_.unlock_after_fork();
    } else {
      lock_.unlock();
    }
  }

 private:
  mutable Lock lock_;
  Raw raw_;
};

}  // namespace basalt
