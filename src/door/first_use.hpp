// What must be done once, before the first block is handed out.
#pragma once

#include <atomic>

namespace basalt::door {

// unready     nothing has happened yet, or it is too early for it
// registering somebody is telling libc about our fork handlers; libc may call us meanwhile
// ready       done
enum class Readiness { unready, registering, ready };

// Hidden at the declaration too, as everything that a door touches: otherwise it is reached through a table that
// the dynamic linker may not have filled in yet.
[[gnu::visibility("hidden")]] extern constinit std::atomic<Readiness> readiness;

// Effects: registers the fork handlers; at most once, and not before libc may be called.
void prepare_first_use() noexcept;

// Called by every door that hands out memory.
inline void enter() noexcept {
  if (readiness.load(std::memory_order_acquire) != Readiness::ready) [[unlikely]]
    prepare_first_use();
}

}  // namespace basalt::door
