// What must be done once, before the first block is handed out.
#pragma once

#include <atomic>

#include "../base/atomics.hpp"

namespace basalt::door {

// unready     nothing has happened yet, or it is too early for it
// registering somebody is telling libc about our fork handlers; libc may call us meanwhile
// ready       done
enum class Readiness { unready, registering, ready };

template <class Atomics>
class FirstUse {
 public:
  // Returns: whether it is done; whoever is told so sees all that was done.
  [[nodiscard]] bool is_over() const noexcept {
    return word_.load(std::memory_order_acquire) == Readiness::ready;
  }

  // Effects: calls prepare(), unless somebody has, or is at it: then goes on at once.
  template <class Prepare>
  void pass(Prepare&& prepare) noexcept {
    Readiness unready = Readiness::unready;
    if (!word_.compare_exchange_strong(unready, Readiness::registering, std::memory_order_relaxed,
                                       std::memory_order_relaxed))
      return;
    prepare();
    word_.store(Readiness::ready, std::memory_order_release);
  }

 private:
  typename Atomics::template Atomic<Readiness> word_{Readiness::unready};
};

// Hidden at the declaration too, as everything that a door touches: otherwise it is reached through a table that
// the dynamic linker may not have filled in yet.
[[gnu::visibility("hidden")]] extern constinit FirstUse<StdAtomics> first_use;

// Effects: registers the fork handlers; at most once, and not before libc may be called.
void prepare_first_use() noexcept;

// Called by every door that hands out memory.
inline void enter() noexcept {
  if (!first_use.is_over()) [[unlikely]]
    prepare_first_use();
}

}  // namespace basalt::door
