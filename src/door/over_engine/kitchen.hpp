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

inline constexpr const char* kitchen_name = "basalt";

extern constinit Kitchen kitchen;

// Effects: the options are what the environment says, and the policy knows of the container; once, and not before libc may be
// called.
[[gnu::visibility("hidden")]] void heed_environment() noexcept;

// How a thread finds its heap: one word of its static TLS, the distance from an empty heap. So a thread begins with 0,
// which is also what there is before the dynamic linker has relocated every object and copied the initial values of
// thread-local ones; resolvers of indirect functions may call us then. The heap that they are given is forgotten, with
// the blocks in its bins; what they allocated is good.
struct ThisThread {
  using Heap = engine::Heap<RawOs>;

  [[nodiscard, gnu::always_inline]] static Heap* heap() noexcept {
    return reinterpret_cast<Heap*>(address_of(&nascent_) + distance_);
  }
  static void give(Heap* heap) noexcept { distance_ = address_of(heap) - address_of(&nascent_); }
  [[nodiscard]] static Heap* departed() noexcept { return const_cast<Heap*>(&departed_); }

  // Called when a thread gets its heap: by then the pointer above is set, so what libc allocates on the way is served.
  static void watch_exit() noexcept {
    enter();
    (void)at_thread_exit(farewell, &kitchen);
  }

 private:
  static void farewell(void* engine) noexcept { static_cast<Kitchen*>(engine)->park(); }

  // In memory that nobody can write to, nor has to: no bin of theirs has room, and no pointer is in their window.
  static const Heap nascent_;
  static const Heap departed_;

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::uintptr_t distance_ = 0;
};

inline constinit const ThisThread::Heap ThisThread::nascent_;
inline constinit const ThisThread::Heap ThisThread::departed_;

}  // namespace basalt::door
