#pragma once

#include <ucontext.h>

#include <cstddef>

namespace basalt::explorer {

/// A stack of its own and a place to resume at: how the explorer runs "threads" without the system's
/// scheduler. A default-constructed fiber has no stack and stands for the thread that calls the explorer.
///
/// Fibers work under the address and thread sanitizers, which are told about every switch.
class Fiber {
 public:
  using Entry = void (*)(void*);

  Fiber() = default;
  /// Effects: maps a stack of `bytes`, with an inaccessible page below it.
  explicit Fiber(std::size_t bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Effects: makes the next switch to this fiber call `entry(argument)`, whatever the fiber was doing
  /// before: the frames it had are forgotten, without running a destructor. Requires: `entry` never returns.
  void prepare(Entry entry, void* argument);

  /// Effects: saves the caller in `from` and resumes `to`. Returns when somebody switches to `from`.
  static void switch_to(Fiber& from, Fiber& to);

 private:
  static void enter(unsigned high, unsigned low);
  void arrived();
  void prepare_sanitizers();

  ucontext_t context_{};
  void* mapping_ = nullptr;
  std::byte* stack_ = nullptr;  // lowest usable byte; for the caller's fiber, learned at its first switch
  std::size_t bytes_ = 0;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  [[maybe_unused]] void* sanitizer_ = nullptr;  // the fiber's fake stack (address) or shadow (thread)
};

}  // namespace basalt::explorer
