// How the threads of a test find their heaps in an engine.
#pragma once

#include <atomic>

#include "engine/engine.hpp"

namespace basalt::test {

// One engine for each `Tag`; a test that makes one engine after another says `forget` in between. Nobody watches for the
// end of a thread: it parks its heap itself, as the last thing it does.
template <AddressSpaceOs System, class Tag, class Checks = engine::Checks>
class TestThread {
 public:
  using Heap = engine::Heap<System, Checks>;

  static Heap* heap() noexcept { return heap_; }
  static void give(Heap* heap) noexcept { heap_ = heap; }
  static Heap* departed() noexcept { return &departed_; }
  static std::atomic<bool>& busy() noexcept { return busy_; }
  static std::atomic<bool>& inside() noexcept { return inside_; }
  static void watch_exit() noexcept {}

  static void forget() noexcept { heap_ = &nascent_; }

 private:
  static inline Heap nascent_;
  static inline Heap departed_;
  static inline thread_local Heap* heap_ = &nascent_;
  static inline thread_local std::atomic<bool> busy_{false};
  static inline thread_local std::atomic<bool> inside_{false};
};

template <AddressSpaceOs System, class Tag>
using TestEngine = engine::Engine<System, TestThread<System, Tag>>;

}  // namespace basalt::test
