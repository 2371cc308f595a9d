// The lock that sleeps: it excludes, it wakes, and it costs no system call while nobody waits.

#include "platform/futex_lock.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/spin_lock.hpp"
#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "source/fixed_buffer.hpp"

namespace basalt {
namespace {

TEST(FutexLock, LetsOneInAtATime) {
  FutexLock lock;
  std::size_t count = 0;  // plain: the race detector watches it too
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        Holding hold{lock};
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000U);
}

// A lost wake-up would let this hang; a waiter that spins would use the processor.
TEST(FutexLock, WaitersSleepAndAreAllWoken) {
  FutexLock lock;
  std::atomic<int> passed{0};
  lock.lock();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Holding hold{lock};
      passed.fetch_add(1, std::memory_order_relaxed);
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  getrusage(RUSAGE_SELF, &after);
  const auto used = std::chrono::seconds{after.ru_utime.tv_sec - before.ru_utime.tv_sec} +
                    std::chrono::microseconds{after.ru_utime.tv_usec - before.ru_utime.tv_usec};
  EXPECT_LT(used, std::chrono::milliseconds{50}) << "waiters do not sleep";
  EXPECT_EQ(passed.load(std::memory_order_relaxed), 0);
  lock.unlock();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed.load(std::memory_order_relaxed), 4);
}

TEST(FutexLock, GuardsAHeap) {
  Locked<RawAlloc<ToyHeap<>>, FutexLock> heap;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round) {
        std::byte* const block = heap.allocate({48}).value;
        heap.deallocate(block, 48);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(heap.stats().conserved());
  EXPECT_EQ(heap.stats().live_bytes, 0U);
}

}  // namespace
}  // namespace basalt
