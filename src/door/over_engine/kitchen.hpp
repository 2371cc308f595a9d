// The allocator that the doors of this library open to: the engine.
#pragma once

#include "../../base/allocator.hpp"
#include "../../engine/engine.hpp"
#include "../../observe/heap_profile.hpp"
#include "../../platform/raw_os.hpp"
#include "../../platform/thread_exit.hpp"
#include "../first_use.hpp"
#include "../foreign.hpp"

namespace basalt::door {

struct ThisThread;
using Kitchen = engine::Engine<RawOs, ThisThread, observe::HeapProfile<RawOs>>;

inline constexpr const char* kitchen_name = "basalt";

// A preloaded library may meet a program that brings an allocator of its own.
inline constexpr ForeignPolicy when_preloaded = ForeignPolicy::leak;

// How many requests get guarded slots unless the environment says otherwise.
inline constexpr std::size_t usual_guard = guard::Sampling::off;

extern constinit Kitchen kitchen;

// Effects: the options are what the environment says, and the policy knows of the container; once, and not before libc may be
// called.
[[gnu::visibility("hidden")]] void heed_environment() noexcept;

// Nobody records what this kitchen does.
inline void begin_recording() noexcept {}

// Where the doors find the short paths: see engine/short_path.hpp.
struct ThisThread : engine::OwnHeap<engine::Heap<RawOs>> {
  // Called when a thread gets its heap: by then the pointer above is set, so what libc allocates on the way is served.
  static void watch_exit() noexcept {
    enter();
    (void)at_thread_exit(farewell, &kitchen);
  }

 private:
  static void farewell(void* engine) noexcept { static_cast<Kitchen*>(engine)->park(); }
};

}  // namespace basalt::door
