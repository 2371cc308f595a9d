// The engine with real threads: for ThreadSanitizer, and for what only real time can show.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfRaces;
using Thread = test::TestThread<RawOs, OfRaces>;
using Engine = test::TestEngine<RawOs, OfRaces>;

class EngineRace : public testing::Test {
 protected:
  EngineRace() { Thread::forget(); }

  // Effects: runs body(i) in `count` threads, each of which parks its heap at the end.
  template <class Body>
  void in_threads(std::size_t count, Body body) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back(worker(i, body));
    for (std::thread& thread : threads) thread.join();
  }

  template <class Body>
  auto worker(std::size_t i, Body& body) {
    return [this, i, &body] {
      body(i);
      engine_.park();
    };
  }

  // A block of `size` bytes, all of them written.
  std::byte* made(std::size_t size) {
    auto* const block = static_cast<std::byte*>(engine_.allocate(size, 16));
    EXPECT_NE(block, nullptr);
    std::memset(block, static_cast<int>(size), size);
    return block;
  }

  // Writes to the block a last time: memory handed on without an order is a race that the detector sees.
  void drop(std::byte* block) {
    *block = std::byte{1};
    EXPECT_TRUE(engine_.deallocate(block));
  }

  std::size_t heaps() {
    std::size_t count = 0;
    engine_.with_statistics([&](const engine::Statistics& now, const auto&) { count = now.heaps; });
    return count;
  }

  // In a forked child: all heaps but this thread's wait for other threads, who find them whole.
  void take_up_what_the_dead_left() {
    const std::size_t before = heaps();
    for (std::size_t i = 1; i < before; ++i) {
      Thread::forget();
      for (std::size_t size = 1; size < 3'000; size += 16) drop(made(size));
      (void)engine_.trim();
    }
    EXPECT_EQ(heaps(), before);
  }

  // Every block has been freed: nothing lives, and every law holds.
  void expect_nothing_lost() {
    (void)engine_.trim();
    EXPECT_EQ(engine_.broken_law(), nullptr);
    EXPECT_EQ(engine_.stats().live_bytes, 0U);
  }

  Engine& engine_ = *new Engine;  // the engine has no end
};

TEST_F(EngineRace, BlocksPassFromThreadToThread) {
  std::array<std::atomic<std::byte*>, 64> shelf{};
  in_threads(4, [&](std::size_t self) {
    for (std::size_t i = 0; i < 8'000; ++i) {
      const std::size_t place = (i * 7 + self) % shelf.size();
      std::byte* const old = shelf[place].exchange(made(16 * (1 + place)), std::memory_order_acq_rel);
      if (old != nullptr) drop(old);
    }
  });
  for (auto& place : shelf) drop(place.load(std::memory_order_relaxed));
  expect_nothing_lost();
}

// Nobody has allocated yet: the window, the heaps and all that is made at first use.
TEST_F(EngineRace, TheFirstAllocationIsByManyThreadsAtOnce) {
  for (int i = 0; i < 20; ++i) {
    Engine& fresh = *new Engine;
    std::atomic<unsigned> ready{0};
    std::array<std::thread, 3> threads;
    for (std::thread& thread : threads) {
      thread = std::thread{[&] {
        ready.fetch_add(1, std::memory_order_relaxed);
        while (ready.load(std::memory_order_relaxed) != threads.size()) std::this_thread::yield();
        for (const std::size_t size : {std::size_t{100}, 40 * KiB, 3 * MiB}) {
          auto* const block = static_cast<std::byte*>(fresh.allocate(size, 16));
          ASSERT_NE(block, nullptr);
          block[size - 1] = std::byte{1};
          EXPECT_TRUE(fresh.deallocate(block));
        }
        fresh.park();
      }};
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(fresh.broken_law(), nullptr);
    EXPECT_EQ(fresh.stats().live_bytes, 0U);
  }
}

// One thread allocates all, another frees all: of a span of eight slots, so that it is full and returned all the time.
TEST_F(EngineRace, ProducersAndConsumers) {
  constexpr std::size_t rounds = 6'000;
  std::array<std::atomic<std::byte*>, 8> belt{};
  in_threads(2, [&](std::size_t self) {
    for (std::size_t i = 0; i < rounds; ++i) {
      auto& place = belt[i % belt.size()];
      if (self == 0) {
        std::byte* const block = made(2000);
        while (place.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
        place.store(block, std::memory_order_release);
      } else {
        std::byte* block = nullptr;
        while ((block = place.exchange(nullptr, std::memory_order_acq_rel)) == nullptr)
          std::this_thread::yield();
        drop(block);
      }
    }
  });
  expect_nothing_lost();
}

// Two threads free the slots of a third, turn by turn, so that they meet in the same words of the same spans.
TEST_F(EngineRace, EveryFreeIsRemote) {
  for (const std::size_t size : {std::size_t{16}, 2 * KiB, 32 * KiB}) {
    std::vector<std::byte*> blocks;
    for (std::size_t round = 0; round < 4; ++round) {
      for (std::size_t i = 0; i < 200; ++i) blocks.push_back(made(size));
      in_threads(2, [&](std::size_t self) {
        for (std::size_t i = self; i < blocks.size(); i += 2) drop(blocks[i]);
      });
      blocks.clear();
    }
  }
  expect_nothing_lost();
}

// Threads come and go; what they leave behind is freed by those that come later, who may have their heap.
TEST_F(EngineRace, SurvivorsOfThreadsThatCameAndWent) {
  std::mutex mutex;
  std::vector<std::byte*> survivors;
  for (std::size_t generation = 0; generation < 15; ++generation) {
    in_threads(3, [&](std::size_t self) {
      std::vector<std::byte*> mine;
      for (std::size_t i = 0; i < 200; ++i) mine.push_back(made(1 + (i * 97 + self) % 5'000));
      const std::lock_guard<std::mutex> hold{mutex};
      for (std::size_t i = 0; i < 100 && !survivors.empty(); ++i) {
        drop(survivors.back());
        survivors.pop_back();
      }
      survivors.insert(survivors.begin(), mine.begin(), mine.end());
    });
  }
  for (std::byte* const block : survivors) drop(block);
  expect_nothing_lost();
}

TEST_F(EngineRace, LargeAndHugeBlocksGrowAndGoWhileOthersDo) {
  in_threads(4, [&](std::size_t self) {
    for (std::size_t i = 0; i < 150; ++i) {
      const std::size_t size = (i % 16 == 0 ? 5 * MiB : 40 * KiB) + (self + i) % 7 * 8 * KiB;
      auto* block = static_cast<std::byte*>(engine_.allocate(size, 16));
      ASSERT_NE(block, nullptr);
      block[size - 1] = std::byte{7};
      block = static_cast<std::byte*>(engine_.reallocate(block, 2 * size));
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(block[size - 1], std::byte{7});
      drop(block);
    }
  });
  expect_nothing_lost();
}

TEST_F(EngineRace, StatisticsAndTrimWhileOthersWork) {
  std::atomic<bool> done{false};
  std::thread observer{[&] {
    while (!done.load(std::memory_order_acquire)) {
      EXPECT_TRUE(engine_.stats().conserved());
      EXPECT_EQ(engine_.broken_law(), nullptr);
      (void)engine_.trim();
      std::this_thread::yield();
    }
    engine_.park();
  }};
  std::array<std::atomic<std::byte*>, 16> shelf{};
  in_threads(3, [&](std::size_t self) {
    for (std::size_t i = 0; i < 2'000; ++i) {
      const std::size_t size = i % 50 == 0 ? 100 * KiB : 1 + i % 3'000;
      std::byte* const old = shelf[(i + self) % shelf.size()].exchange(made(size), std::memory_order_acq_rel);
      if (old != nullptr) drop(old);
    }
  });
  done.store(true, std::memory_order_release);
  observer.join();
  for (auto& place : shelf) drop(place.load(std::memory_order_relaxed));
  expect_nothing_lost();
}

// The child has only the thread that forked. It can allocate, free what others had, and look.
TEST_F(EngineRace, AForkedChildFindsTheHeapWhole) {
  std::atomic<bool> done{false};
  std::array<std::atomic<std::byte*>, 16> shelf{};
  std::thread others{[&] {
    in_threads(3, [&](std::size_t self) {
      for (std::size_t i = self; !done.load(std::memory_order_acquire); ++i) {
        std::byte* const old =
            shelf[i % shelf.size()].exchange(made(1 + i % 3'000), std::memory_order_acq_rel);
        if (old != nullptr) drop(old);
      }
    });
  }};
  for (int i = 0; i < 20; ++i) {
    engine_.before_fork();
    const pid_t child = ::fork();
    if (child == 0) {
      engine_.after_fork_in_child();
      for (auto& place : shelf) {
        std::byte* const block = place.exchange(nullptr, std::memory_order_relaxed);
        if (block != nullptr) drop(block);
      }
      std::byte* const block = made(5'000);
      drop(block);
      take_up_what_the_dead_left();
      const bool whole =
          engine_.broken_law() == nullptr && engine_.stats().conserved() && engine_.owns(block);
      ::_exit(whole && !::testing::Test::HasFailure() ? 0 : 1);
    }
    engine_.after_fork_in_parent();
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done.store(true, std::memory_order_release);
  others.join();
  for (auto& place : shelf) {
    std::byte* const block = place.load(std::memory_order_relaxed);
    if (block != nullptr) drop(block);
  }
  expect_nothing_lost();
}

// A thread allocates a lot and does nothing more; others free it. What they have given back must not wait for the sleeper.
TEST_F(EngineRace, WhatIsFreedFromAfarDoesNotWaitForASleepingOwner) {
  for (const bool every_other : {false, true}) {
    std::vector<std::byte*> blocks;
    for (std::size_t i = 0; i < 200'000; ++i) blocks.push_back(made(64));
    in_threads(2, [&](std::size_t self) {
      for (std::size_t i = self; i < blocks.size(); i += every_other ? 4 : 2) drop(blocks[i]);
    });
    engine::Statistics now;
    engine_.with_statistics([&](const engine::Statistics& seen, const auto&) { now = seen; });
    EXPECT_LE(now.spans.remote, std::max(MiB, now.spans.bytes / 8) + 2 * 256 * KiB);
    if (!every_other) {
      EXPECT_LE(now.spans.bytes, 4 * MiB) << "spans that are empty went back";
      continue;
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 4 > 1) drop(blocks[i]);
    }
  }
  expect_nothing_lost();
}

// A thread whose heap is parked still frees and allocates, as destructors of thread-local objects do.
TEST_F(EngineRace, ThreadsThatHaveParkedShareAHeap) {
  std::vector<std::byte*> blocks;
  for (std::size_t i = 0; i < 300; ++i) blocks.push_back(made(1 + i * 13));
  in_threads(3, [&](std::size_t self) {
    drop(made(100));
    engine_.park();
    for (std::size_t i = self; i < blocks.size(); i += 3) {
      drop(blocks[i]);
      drop(made(1 + i * 7));
    }
  });
  expect_nothing_lost();
}

}  // namespace
}  // namespace basalt
