#include "first_use.hpp"

#include <pthread.h>

#include "../platform/report.hpp"
#include "../platform/start.hpp"
#include "kitchen.hpp"

namespace basalt::door {

constinit FirstUse<StdAtomics> first_use;

namespace {

void before_fork() noexcept { kitchen.before_fork(); }
void after_fork_in_parent() noexcept { kitchen.after_fork_in_parent(); }
void after_fork_in_child() noexcept {
  kitchen.after_fork_in_child();
  Report::forget();
}

// Where nothing has allocated yet, this is early enough for whatever the program does in its own constructors.
[[gnu::constructor(101)]] void prepare_with_the_constructors() noexcept {
  note_libc_up();
  prepare_first_use();
}

// A shared library may be asked for memory before libc may be called, and long before its constructors: it can
// tell by its own relocations. An archive cannot, see malloc_exports.cpp.
void notice_relocation() noexcept {
#if defined(BASALT_PRELOADED)
  if (relocated()) note_libc_up();
#endif
}

}  // namespace

// pthread_atfork may itself allocate, and it may wait for a fork that waits for us: so whoever comes in
// between goes on at once rather than wait. That leaves no gap in practice, since making the first thread
// allocates already.
//
// Handlers run in reverse order before a fork: registered this early, ours run last, when other handlers have
// had their chance to allocate, and first again afterwards. Those that were registered earlier still run while
// the heap is locked: the lock is open to the thread that forks, see ForkLock.
void prepare_first_use() noexcept {
  if (!libc_up()) notice_relocation();
  if (!libc_up()) return;
  heed_environment();
  first_use.pass([] { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); });
}

}  // namespace basalt::door
