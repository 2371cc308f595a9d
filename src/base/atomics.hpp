#pragma once

#include <atomic>

#include "compiler.hpp"

namespace basalt {

/// The atomics of a lock-free protocol, as a type.
///
/// A protocol is written once, as `template <class Atomics>`, and names its shared fields `Atomics::template
/// Atomic<T>`. The library instantiates it with `StdAtomics`, which is exactly `std::atomic` and costs
/// nothing. The tests instantiate the same text with the schedule explorer's model, which runs it under every
/// schedule and every value that the C++ memory model lets a load return.
///
/// What a protocol may use, so that both instantiations mean the same:
///  - T: trivially copyable, at most 8 bytes: integers, enumerations, pointers, bool.
///  - load, store, exchange, compare_exchange_strong and _weak (with one order, or with success and failure
///    order), fetch_add, fetch_sub, fetch_or, fetch_and, fetch_xor. Every call names its order.
///  - `fence(order)` for std::atomic_thread_fence.
///  - `pause()` in a loop that waits for another thread, once per turn: a hint to the processor here; to the
///    explorer, "this turn changed nothing: let another thread write first".
struct StdAtomics {
  template <class T>
  using Atomic = std::atomic<T>;

  /// Effects: std::atomic_thread_fence(order).
  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }

  /// Effects: tells the processor that the caller waits for another thread.
  static void pause() noexcept { spin_hint(); }
};

}  // namespace basalt
