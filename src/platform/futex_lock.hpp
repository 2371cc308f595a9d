// A lock that waits asleep.
#pragma once

#include <atomic>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/bits.hpp"
#include "system_call.hpp"

namespace basalt {

// A mutex of four bytes. Taking and opening it costs one atomic instruction each while nobody waits; who finds it taken
// looks a few times more, and then sleeps in the kernel until it is woken. Same interface as SpinLock.
//
//   free       0
//   taken      1   nobody sleeps
//   contended  2   somebody may be asleep: who opens it has to wake one
//
// Law: while a thread sleeps here, the word is `contended`, or somebody is on the way to wake it. Therefore who has
// slept takes the lock as `contended`: it cannot know whether it was the only sleeper. A waking too many is harmless.
//
// Constant-initialised and trivially destructible. In a forked child it is open or taken as it was at the fork.
//
// `Kernel::sleep_while(word, value)` sleeps until woken, and returns at once if the word is not `value` any more; it may also return
// for no reason. `Kernel::wake_one(word)` wakes one who sleeps there, and `Kernel::patience` is how often a waiter looks before.
template <class Kernel, class Atomics = StdAtomics>
class SleepingLock {
  enum class State : std::uint32_t { free, taken, contended };

 public:
  SleepingLock() noexcept = default;
  SleepingLock(const SleepingLock&) = delete;
  SleepingLock& operator=(const SleepingLock&) = delete;

  void lock() noexcept {
    if (!try_lock()) lock_slowly();
  }

  // Returns: whether the lock was open and is the caller's now.
  [[nodiscard]] bool try_lock() noexcept {
    State expected = State::free;
    return state_.compare_exchange_strong(expected, State::taken, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  void unlock() noexcept {
    if (state_.exchange(State::free, std::memory_order_release) == State::contended) Kernel::wake_one(state_);
  }

 private:
  void lock_slowly() noexcept {
    for (unsigned look = 0; look < Kernel::patience; ++look) {
      Atomics::pause();
      if (state_.load(std::memory_order_relaxed) == State::free && try_lock()) return;
    }
    while (state_.exchange(State::contended, std::memory_order_acquire) != State::free)
      Kernel::sleep_while(state_, State::contended);
  }

  typename Atomics::template Atomic<State> state_{State::free};
};

// futex(2).
struct Futex {
  static constexpr unsigned patience = 64;

  template <class Word, class Value>
  static void sleep_while(const Word& word, Value value) noexcept {
    raw::system_call(raw::Call::futex, address_of(&word), wait_private, static_cast<std::uintptr_t>(value),
                     0);
  }

  template <class Word>
  static void wake_one(const Word& word) noexcept {
    raw::system_call(raw::Call::futex, address_of(&word), wake_private, 1);
  }

 private:
  // With the flag that says "threads of one process only".
  static constexpr std::uintptr_t wait_private = 0 | 128;
  static constexpr std::uintptr_t wake_private = 1 | 128;
};

using FutexLock = SleepingLock<Futex>;

static_assert(sizeof(FutexLock) == 4, "the kernel compares four bytes");

}  // namespace basalt
