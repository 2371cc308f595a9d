// What must be done once, before the first block is handed out.
#pragma once

#include <atomic>

namespace basalt::door {

// unready     nothing has happened yet
// registering somebody is telling libc about our fork handlers; libc may call us meanwhile
// ready       done
enum class Readiness { unready, registering, ready };

extern constinit std::atomic<Readiness> readiness;

// Effects: registers the fork handlers; at most once, and not before this library is relocated.
void prepare_first_use() noexcept;

// Called by every door that hands out memory.
inline void enter() noexcept {
  if (readiness.load(std::memory_order_acquire) != Readiness::ready) [[unlikely]]
    prepare_first_use();
}

}  // namespace basalt::door
