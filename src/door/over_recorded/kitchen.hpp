// The allocator that the doors of this library open to: the engine, which writes down what it does.
#pragma once

#include "../../base/allocator.hpp"
#include "../../observe/heap_profile.hpp"
#include "../../observe/recorded.hpp"
#include "../../platform/raw_os.hpp"
#include "../../platform/thread_exit.hpp"
#include "../first_use.hpp"
#include "../foreign.hpp"
#include "../no_short_paths.hpp"

// Of libunwind, which `basalt record --unwind libunwind` preloads as well: the addresses to which calls return. Not there otherwise.
extern "C" [[gnu::weak]] int unw_backtrace(void** returns, int most);

namespace basalt::door {

struct RecordedThread;
using Kitchen = observe::Recorded<RawOs, RecordedThread, observe::HeapProfile<RawOs>>;

inline constexpr const char* kitchen_name = "basalt-recorded";

// A preloaded library may meet a program that brings an allocator of its own.
inline constexpr ForeignPolicy when_preloaded = ForeignPolicy::leak;

// How many requests get guarded slots unless the environment says otherwise.
inline constexpr std::size_t usual_guard = guard::Sampling::off;

extern constinit Kitchen kitchen;

// Effects: the options are what the environment says, and the policy knows of the container; once, and not before libc may be
// called.
[[gnu::visibility("hidden")]] void heed_environment() noexcept;

// Effects: what happens from now on is written down, if that is what the environment asks for.
[[gnu::visibility("hidden")]] void begin_recording() noexcept;

// How the engine below finds the heap of a thread.
struct RecordedThread : engine::OwnHeap<engine::Heap<RawOs>> {
  static void watch_exit() noexcept {
    enter();
    (void)at_thread_exit(farewell, &kitchen);
  }
  [[nodiscard]] static observe::RecordedThread& recorded() noexcept { return recorded_; }

  [[nodiscard]] static std::size_t unwind(std::uintptr_t* calls, std::size_t most) noexcept {
    if (unw_backtrace == nullptr) return 0;
    const int found = unw_backtrace(reinterpret_cast<void**>(calls), static_cast<int>(most));
    const std::size_t count = found < 0 ? 0 : static_cast<std::size_t>(found);
    for (std::size_t i = 0; i != count; ++i) calls[i] -= 1;  // inside the call
    return count;
  }

 private:
  static void farewell(void* engine) noexcept { static_cast<Kitchen*>(engine)->park(); }

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit observe::RecordedThread recorded_{};
};

// No call takes the engine's short paths from here: each is written down.
using ThisThread = NoShortPaths;

}  // namespace basalt::door
