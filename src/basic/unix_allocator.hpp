// The small kitchen ready for use: pages from the OS, a spin lock round it, and memory that goes back.
#pragma once

#include "../base/spin_lock.hpp"
#include "../platform/backoff.hpp"
#include "../platform/fork_lock.hpp"
#include "../platform/raw_os.hpp"
#include "../source/at_least.hpp"
#include "../source/mmap_grower.hpp"
#include "../source/tracked.hpp"
#include "locked.hpp"
#include "raw_alloc.hpp"

namespace basalt {

// Pages by raw system calls, 256 KiB at a time, every one of them remembered.
using UnixHeapGrower = Tracked<AtLeast<MmapGrower<RawOs>, 256 * KiB>, RawOs>;

// Thread-safe, for callers who give sizes back: constant-initialised, usable from anywhere.
using UnixAllocator =
    Locked<RawAlloc<UnixHeapGrower, FirstFit, GiveBackByDefault>, ForkLock<SpinLock<Backoff>>>;

}  // namespace basalt
