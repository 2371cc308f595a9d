// A lock that waits asleep.
#pragma once

#include <atomic>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/compiler.hpp"
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
class FutexLock {
  enum class State : std::uint32_t { free, taken, contended };

 public:
  constexpr FutexLock() noexcept = default;
  FutexLock(const FutexLock&) = delete;
  FutexLock& operator=(const FutexLock&) = delete;

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
    if (state_.exchange(State::free, std::memory_order_release) == State::contended) wake_one();
  }

 private:
  void lock_slowly() noexcept {
    for (unsigned look = 0; look < patience; ++look) {
      spin_hint();
      if (state_.load(std::memory_order_relaxed) == State::free && try_lock()) return;
    }
    while (state_.exchange(State::contended, std::memory_order_acquire) != State::free)
      sleep_while_contended();
  }

  // Effects: sleeps until woken; returns at once if the word is not `contended` any more. May also return for no reason.
  void sleep_while_contended() noexcept {
    raw::system_call(raw::Call::futex, address_of(&state_), wait_private,
                     static_cast<std::uintptr_t>(State::contended), 0);
  }

  void wake_one() noexcept { raw::system_call(raw::Call::futex, address_of(&state_), wake_private, 1); }

  // Commands of futex(2), with the flag that says "threads of one process only".
  static constexpr std::uintptr_t wait_private = 0 | 128;
  static constexpr std::uintptr_t wake_private = 1 | 128;
  static constexpr unsigned patience = 64;  // looks before sleep

  std::atomic<State> state_{State::free};
};

static_assert(sizeof(FutexLock) == 4, "the kernel compares four bytes");

}  // namespace basalt
