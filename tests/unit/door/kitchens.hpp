// The allocators that every test of a door is run over. One line adds another.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include "basic/lock_free_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "door/malloc_family.hpp"
#include "platform/libc_os.hpp"

namespace kitchens {

using namespace basalt;

// A lock of the system's, by the same signature.
class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

// libc's way to the system, refusing every call that gives something back.
struct StubbornOs : LibcOs {
  [[nodiscard]] static Error unmap(Range) noexcept { return out_of_memory; }
  [[nodiscard]] static Error decommit(Range) noexcept { return unmap({}); }
};

template <class System>
using GrowerBy = Tracked<AtLeast<MmapGrower<System>, 64 * KiB>, LibcOs>;

template <class Heap>
struct Door {
  using Kitchen = Heap;
  static inline constinit Heap heap{};
  using Family = door::MallocFamily<heap>;
};

using Small = Door<SizePrefixed<UnixAllocator>>;
using WithMutex = Door<SizePrefixed<Locked<RawAlloc<UnixHeapGrower, BestFit, GiveBackByDefault>, Mutex>>>;
using ThroughLibc =
    Door<SizePrefixed<Locked<RawAlloc<GrowerBy<LibcOs>, FirstFit, GiveBackAbove<4096, 0>>, Mutex>>>;
using NothingGoesBack =
    Door<SizePrefixed<Locked<RawAlloc<GrowerBy<StubbornOs>, FirstFit, GiveBackAbove<4096, 0>>, Mutex>>>;

using WithoutLock = Door<SizePrefixed<LockFreeAlloc<MmapGrower<RawOs>>>>;

using All = ::testing::Types<Small, WithMutex, ThroughLibc, NothingGoesBack, WithoutLock>;

}  // namespace kitchens
