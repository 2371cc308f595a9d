#include "first_use.hpp"

#include <pthread.h>

#include "../platform/relocated.hpp"
#include "kitchen.hpp"

namespace basalt::door {

constinit std::atomic<Readiness> readiness{Readiness::unready};

namespace {

void before_fork() noexcept { kitchen.before_fork(); }
void after_fork_in_parent() noexcept { kitchen.after_fork_in_parent(); }
void after_fork_in_child() noexcept { kitchen.after_fork_in_child(); }

}  // namespace

// pthread_atfork may itself allocate, and it may wait for a fork that waits for us: so whoever comes in
// between goes on at once rather than wait. That leaves no gap in practice, since making the first thread
// allocates already.
//
// Handlers run in reverse order before a fork: registered this early, ours run last, when other handlers have
// had their chance to allocate, and first again afterwards.
void prepare_first_use() noexcept {
  if (!relocated()) return;
  Readiness expected = Readiness::unready;
  if (!readiness.compare_exchange_strong(expected, Readiness::registering, std::memory_order_acq_rel,
                                         std::memory_order_relaxed)) {
    return;
  }
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  readiness.store(Readiness::ready, std::memory_order_release);
}

}  // namespace basalt::door
