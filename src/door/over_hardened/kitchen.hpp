// The allocator that the doors of this library open to: the engine behind all its protections.
#pragma once

#include "../../base/allocator.hpp"
#include "../../hardened/hardened.hpp"
#include "../../platform/raw_os.hpp"
#include "../../platform/thread_exit.hpp"
#include "../first_use.hpp"
#include "../foreign.hpp"
#include "../no_short_paths.hpp"

namespace basalt::door {

struct EngineThread;
using Kitchen = hardened::Hardened<RawOs, EngineThread>;

inline constexpr const char* kitchen_name = "basalt-hardened";

// Preloaded as well, a pointer that is not ours is a crime: see BASALT_FOREIGN.
inline constexpr ForeignPolicy when_preloaded = ForeignPolicy::abort;

// How many requests get guarded slots unless the environment says otherwise.
inline constexpr std::size_t usual_guard = guard::Sampling{guard::Sampling::usual_rate}.word();

extern constinit Kitchen kitchen;

// Effects: the options are what the environment says, and the policy knows of the container; once, and not before libc may be
// called.
[[gnu::visibility("hidden")]] void heed_environment() noexcept;

// Nobody records what this kitchen does.
inline void begin_recording() noexcept {}

// How the engine below finds the heap of a thread.
struct EngineThread : engine::OwnHeap<engine::Heap<RawOs>> {
  static void watch_exit() noexcept {
    enter();
    (void)at_thread_exit(farewell, &kitchen);
  }
  [[nodiscard]] static std::atomic<bool>& inside() noexcept { return inside_; }

 private:
  static void farewell(void* engine) noexcept { static_cast<Kitchen*>(engine)->park(); }

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::atomic<bool> inside_{false};
};

// No call takes the engine's short paths from here: each goes through the protections first.
using ThisThread = NoShortPaths;

}  // namespace basalt::door
