// The allocator that the doors of this library open to: the engine.
#pragma once

#include "../../base/allocator.hpp"
#include "../../engine/engine.hpp"
#include "../../platform/raw_os.hpp"
#include "../../platform/thread_exit.hpp"
#include "../first_use.hpp"

namespace basalt::door {

struct ThisThread;
using Kitchen = engine::Engine<RawOs, ThisThread>;

inline constexpr const char* kitchen_name = "basalt-engine";

extern constinit Kitchen kitchen;

// How a thread finds its heap: one pointer in its static TLS.
struct ThisThread {
  using Heap = engine::Heap<RawOs>;

  [[nodiscard]] static Heap*& heap() noexcept { return heap_; }
  [[nodiscard]] static Heap* departed() noexcept { return &departed_; }

  // Called when a thread gets its heap: by then the pointer above is set, so what libc allocates on the way is served.
  static void watch_exit() noexcept {
    enter();
    (void)at_thread_exit(farewell, &kitchen);
  }

 private:
  static void farewell(void* engine) noexcept { static_cast<Kitchen*>(engine)->park(); }

  // Never written: no bin of theirs has room, and no pointer is in their window.
  static constinit Heap nascent_;
  static constinit Heap departed_;

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit Heap* heap_ = &nascent_;
};

inline constinit ThisThread::Heap ThisThread::nascent_;
inline constinit ThisThread::Heap ThisThread::departed_;

}  // namespace basalt::door
