// The profile is turned on and off, and read, while others allocate, free and resize what it samples.

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "observe/heap_profile.hpp"
#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::observe {
namespace {

struct OfProfileRaces;
using Thread = test::TestThread<RawOs, OfProfileRaces>;
using Engine = engine::Engine<RawOs, Thread, HeapProfile<RawOs>>;

constexpr int threads = 3;
constexpr int rounds = 3'000;

TEST(HeapProfileRace, TurnedOnAndOffUnderTheOthers) {
  Thread::forget();
  Engine& engine = *new Engine;
  std::atomic<unsigned char*> places[8] = {};
  const auto work = [&](int t) {
    for (int i = 0; i < rounds; ++i) {
      const std::size_t size = i % 200 == 0 ? 3 * MiB : i % 40 == 0 ? 50 * KiB : 200;
      auto* block = static_cast<unsigned char*>(engine.allocate(size, 16, Origin::malloc));
      ASSERT_NE(block, nullptr);
      block[0] = block[size - 1] = static_cast<unsigned char>(i);
      if (i % 10 == 0) block = static_cast<unsigned char*>(engine.reallocate(block, 2 * size));
      ASSERT_NE(block, nullptr);
      unsigned char* const old = places[(i * 5 + t) % 8].exchange(block, std::memory_order_acq_rel);
      EXPECT_TRUE(old == nullptr || engine.deallocate(old, Origin::malloc));
    }
    engine.park();
  };
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) all.emplace_back(work, t);
  for (int i = 0; i < 200; ++i) {
    engine.with_sampler([i](auto&& sampler) {
      EXPECT_FALSE(sampler.set_period(i % 3 == 2 ? 0 : 1'000));
      EXPECT_EQ(sampler.profile().broken_law(), nullptr);
      (void)sampler.profile().figures();
    });
    std::this_thread::yield();
  }
  for (std::thread& one : all) one.join();
  for (auto& place : places) {
    unsigned char* const rest = place.load(std::memory_order_acquire);
    EXPECT_TRUE(rest == nullptr || engine.deallocate(rest, Origin::malloc));
  }
  engine.with_sampler([](auto&& sampler) {
    EXPECT_EQ(sampler.profile().broken_law(), nullptr);
    EXPECT_EQ(sampler.profile().figures().live, 0U);
  });
  EXPECT_EQ(engine.broken_law(), nullptr);
}

}  // namespace
}  // namespace basalt::observe
