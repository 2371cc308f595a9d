// The one kind of lock in the engine: taken on slow paths only, held for short, and open to the thread that forks.
#pragma once

#include "../base/spin_lock.hpp"
#include "../platform/backoff.hpp"
#include "../platform/fork_lock.hpp"

namespace basalt::engine {

using Lock = ForkLock<SpinLock<Backoff>>;

}  // namespace basalt::engine
