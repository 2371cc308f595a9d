// The lock-free allocator with real threads: for ThreadSanitizer, and for what only real time can show.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "basic/lock_free_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

using Heap = LockFreeAlloc<AtLeast<MmapGrower<RawOs>, 256 * KiB>>;

template <class Body>
void in_threads(std::size_t count, Body body) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([i, &body] { body(i); });
  for (std::thread& thread : threads) thread.join();
}

// The contents are plain memory: if a block were handed on without an order, the race detector would see it.
TEST(LockFreeRace, BlocksPassFromThreadToThread) {
  Heap heap;
  constexpr std::size_t threads = 4;
  std::array<std::atomic<std::byte*>, 16> shelf{};
  in_threads(threads, [&](std::size_t self) {
    for (std::size_t i = 0; i < 4'000; ++i) {
      const std::size_t place = (i * 7 + self) % shelf.size();
      const std::size_t size = 16 * (1 + place);
      std::byte* block = heap.allocate({size}).value;
      std::memset(block, static_cast<int>(self), size);
      block = shelf[place].exchange(block, std::memory_order_acq_rel);
      if (block != nullptr) heap.deallocate(block, size);
    }
  });
  for (std::size_t place = 0; place < shelf.size(); ++place) {
    std::byte* const block = shelf[place].load(std::memory_order_relaxed);
    if (block != nullptr) heap.deallocate(block, 16 * (1 + place));
  }
  EXPECT_EQ(heap.stats().live_bytes, 0U);
  EXPECT_EQ(heap.validate().broken(), Law::none);
  EXPECT_EQ(heap.stats().free_bytes, heap.stats().grown_bytes);
}

// Neighbouring blocks, freed and taken by different threads, so that every free has to merge.
TEST(LockFreeRace, NeighboursMergeWhileOthersSplit) {
  Heap heap;
  in_threads(4, [&](std::size_t) {
    for (int i = 0; i < 1'000; ++i) {
      std::array<std::byte*, 4> blocks;
      for (std::byte*& block : blocks) block = heap.allocate({48}).value;
      for (std::byte* const block : blocks) heap.deallocate(block, 48);
    }
  });
  EXPECT_EQ(heap.validate().broken(), Law::none) << "neighbours are merged";
  EXPECT_EQ(heap.stats().free_bytes, heap.stats().grown_bytes);
}

TEST(LockFreeRace, StatisticsAndQuestionsWhileOthersWork) {
  Heap heap;
  std::atomic<bool> done{false};
  std::thread observer{[&] {
    while (!done.load(std::memory_order_acquire)) {
      EXPECT_TRUE(heap.stats().conserved());
      EXPECT_EQ(heap.validate().broken(), Law::none);
      (void)heap.trim();
      std::this_thread::yield();
    }
  }};
  in_threads(3, [&](std::size_t) {
    for (int i = 0; i < 1'000; ++i) {
      std::byte* const block = heap.allocate({static_cast<std::size_t>(i)}).value;
      EXPECT_TRUE(heap.owns({block, static_cast<std::size_t>(i)}));
      EXPECT_FALSE(heap.is_free(block));
      heap.deallocate(block, static_cast<std::size_t>(i));
    }
  });
  done.store(true, std::memory_order_release);
  observer.join();
}

// The child has only the thread that forked. What the others were in the middle of must not be missing there.
TEST(LockFreeRace, AForkedChildFindsTheHeapWhole) {
  SizePrefixed<Heap> heap;
  std::atomic<bool> done{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      while (!done.load(std::memory_order_acquire)) (void)heap.deallocate(heap.allocate(100, 16));
    });
  }
  for (int i = 0; i < 20; ++i) {
    heap.before_fork();
    const pid_t child = ::fork();
    if (child == 0) {
      heap.after_fork_in_child();
      const bool worked = heap.deallocate(heap.allocate(5000, 16));
      ::_exit(worked && heap.stats().conserved() && heap.validate().valid() ? 0 : 1);
    }
    heap.after_fork_in_parent();
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done.store(true, std::memory_order_release);
  for (std::thread& worker : workers) worker.join();
}

// Two threads free the same block at the same time: one of them must be told.
TEST(LockFreeRace, ADoubleFreeByTwoThreadsIsNamed) {
  const auto crime = [] {
    Heap heap;
    for (int i = 0; i < 1'000; ++i) {
      std::byte* const block = heap.allocate({64}).value;
      (void)heap.allocate({64});
      in_threads(2, [&](std::size_t) { heap.deallocate(block, 64); });
    }
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(crime(), "basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps the free block");
}

}  // namespace
}  // namespace basalt
