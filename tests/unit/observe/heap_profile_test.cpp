// The profile behind an engine: whether its estimates are right on average, and whether every sampled block is followed to
// its end.

#include "observe/heap_profile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::observe {
namespace {

struct OfProfile;
using Thread = test::TestThread<RawOs, OfProfile>;
using Engine = engine::Engine<RawOs, Thread, HeapProfile<RawOs>>;

struct Totals {
  double allocated_objects = 0;
  double allocated_bytes = 0;
  double objects_in_use = 0;
  double bytes_in_use = 0;
};

class HeapProfileTest : public testing::Test {
 protected:
  HeapProfileTest() {
    Thread::forget();
    (void)engine_.deallocate(engine_.allocate(1, 16));
  }
  ~HeapProfileTest() override {
    engine_.with_sampler([](auto&& sampler) { EXPECT_EQ(sampler.profile().broken_law(), nullptr); });
    EXPECT_EQ(engine_.broken_law(), nullptr);
  }

  void start(std::size_t period) {
    engine_.with_sampler([period](auto&& sampler) { EXPECT_FALSE(sampler.set_period(period)); });
  }
  void stop() { start(0); }

  [[nodiscard]] ProfileFigures figures() {
    ProfileFigures now;
    engine_.with_sampler([&now](auto&& sampler) { now = sampler.profile().figures(); });
    return now;
  }

  [[nodiscard]] Totals totals() {
    std::vector<Site> sites(figures().sites);
    engine_.with_sampler([&](auto&& sampler) { (void)sampler.profile().copy(sites.data(), sites.size()); });
    Totals sum;
    for (const Site& site : sites) {
      sum.allocated_objects += static_cast<double>(site.allocated.objects) / Amount::scale;
      sum.allocated_bytes += static_cast<double>(site.allocated.bytes) / Amount::scale;
      sum.objects_in_use += static_cast<double>(site.in_use.objects) / Amount::scale;
      sum.bytes_in_use += static_cast<double>(site.in_use.bytes) / Amount::scale;
    }
    return sum;
  }

  [[nodiscard]] std::byte* made(std::size_t size, std::size_t alignment = 16) {
    return static_cast<std::byte*>(engine_.allocate(size, alignment, Origin::malloc));
  }
  void gone(void* block) { EXPECT_TRUE(engine_.deallocate(block, Origin::malloc)); }

  Engine& engine_ = *new Engine;
};

TEST_F(HeapProfileTest, WhereEveryRequestIsSampledAllIsExact) {
  start(1);
  std::vector<std::byte*> blocks;
  double bytes = 0;
  for (const std::size_t size : {1U, 100U, 4000U, 32'768U, 100'000U, 250'000U, 3'000'000U}) {
    blocks.push_back(made(size));
    bytes += static_cast<double>(size);
  }
  EXPECT_EQ(totals().objects_in_use, 7);
  EXPECT_EQ(totals().bytes_in_use, bytes);
  for (std::byte* const block : blocks) gone(block);
  EXPECT_EQ(totals().objects_in_use, 0);
  EXPECT_EQ(totals().bytes_in_use, 0);
  EXPECT_EQ(totals().allocated_objects, 7);
  EXPECT_EQ(totals().allocated_bytes, bytes);
  EXPECT_EQ(figures().live, 0U);
}

// Each sample stands for 1 / p requests, so the estimate for n requests has the variance n (1 - p) / p. The numbers drawn
// are the same each time; another rule of drawing would have to be off by no more than four deviations to pass.
TEST_F(HeapProfileTest, EstimatesAreUnbiasedForEverySize) {
  constexpr std::size_t period = 4096;
  start(period);
  for (const std::size_t size : {16U, 200U, 1000U, 4096U, 20'000U, 50'000U}) {
    constexpr int requests = 100'000;
    const Totals before = totals();
    for (int i = 0; i < requests; ++i) gone(made(size));
    const double estimate = totals().allocated_objects - before.allocated_objects;
    const double p = -std::expm1(-static_cast<double>(size) / period);
    const double deviation = std::sqrt(requests * (1 - p) / p);
    EXPECT_NEAR(estimate, requests, 4 * deviation + requests * 0.002) << size;
    EXPECT_NEAR(totals().allocated_bytes - before.allocated_bytes, estimate * static_cast<double>(size),
                estimate * static_cast<double>(size) * 1e-3);
  }
  EXPECT_EQ(totals().objects_in_use, 0);
}

TEST_F(HeapProfileTest, TheMeanOverManyRunsComesCloser) {
  constexpr std::size_t period = 8192;
  constexpr double size = 64;
  constexpr int runs = 64;
  constexpr int requests = 20'000;
  start(period);
  const double p = -std::expm1(-size / period);
  const double deviation = std::sqrt(requests * (1 - p) / p);
  int within = 0;
  for (int run = 0; run < runs; ++run) {
    const double before = totals().allocated_objects;
    for (int i = 0; i < requests; ++i) gone(made(64));
    within += std::abs(totals().allocated_objects - before - requests) < deviation ? 1 : 0;
  }
  EXPECT_NEAR(totals().allocated_objects / runs, requests, 3 * deviation / std::sqrt(runs));
  EXPECT_NEAR(within, 0.68 * runs, 12) << "the spread is what theory says as well";
}

TEST_F(HeapProfileTest, WhatIsInUseIsEstimatedAmongMuchThatIsNot) {
  start(2048);
  std::vector<std::byte*> kept;
  for (int i = 0; i < 200'000; ++i) {
    std::byte* const block = made(128);
    if (i % 10 == 0) {
      kept.push_back(block);
    } else {
      gone(block);
    }
  }
  EXPECT_NEAR(totals().objects_in_use, 20'000, 4 * std::sqrt(20'000 * 16));
  EXPECT_NEAR(totals().allocated_objects, 200'000, 4 * std::sqrt(200'000 * 16));
  for (std::byte* const block : kept) gone(block);
  EXPECT_EQ(totals().objects_in_use, 0);
}

// The bin is never empty here, so the thread has no other reason to look at what has changed.
TEST_F(HeapProfileTest, AThreadThatOnlyChurnsHearsOfItAtOnce) {
  for (int i = 0; i < 100; ++i) gone(made(100));
  start(1);
  gone(made(100));
  EXPECT_EQ(figures().sampled, 1U);
  stop();
  gone(made(100));
  gone(made(100));
  EXPECT_LE(figures().sampled, 2U);
  start(1);
  const std::uint64_t before = figures().sampled;
  gone(made(100));
  EXPECT_EQ(figures().sampled, before + 1);
}

TEST_F(HeapProfileTest, FreesAreFollowedAfterItStopped) {
  start(1);
  std::byte* const block = made(100);
  stop();
  EXPECT_EQ(totals().objects_in_use, 1);
  gone(block);
  EXPECT_EQ(totals().objects_in_use, 0);
}

TEST_F(HeapProfileTest, ReallocatedBlocksAreFollowed) {
  start(1);
  std::byte* block = made(100);
  std::memset(block, 7, 100);
  for (const std::size_t size : {200U, 100'000U, 180'000U, 5'000'000U, 9'000'000U, 60'000U, 300U, 150U}) {
    block = static_cast<std::byte*>(engine_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(std::all_of(block, block + 100, [](std::byte byte) { return byte == std::byte{7}; }));
    EXPECT_EQ(totals().objects_in_use, 1) << size;
    EXPECT_EQ(totals().bytes_in_use, size);
  }
  gone(block);
  EXPECT_EQ(totals().objects_in_use, 0);
}

TEST_F(HeapProfileTest, AlignedZeroedAndSizedOnesToo) {
  start(1);
  for (const std::size_t alignment : {32U, 512U, 4096U, 16'384U, 65'536U}) {
    std::byte* const block = made(100, alignment);
    EXPECT_EQ(address_of(block) % alignment, 0U);
    EXPECT_EQ(totals().bytes_in_use, 100);
    EXPECT_TRUE(engine_.deallocate(block, 100, Origin::malloc));
  }
  for (const std::size_t size : {100U, 100'000U}) {
    auto* const dirty = made(size);
    std::memset(dirty, 1, size);
    gone(dirty);
    auto* const block = static_cast<std::byte*>(engine_.allocate_zeroed(size));
    EXPECT_TRUE(std::all_of(block, block + size, [](std::byte byte) { return byte == std::byte{0}; }));
    EXPECT_EQ(totals().bytes_in_use, static_cast<double>(size));
    gone(block);
  }
  EXPECT_EQ(totals().objects_in_use, 0);
}

TEST_F(HeapProfileTest, GuardedBlocksAreFollowed) {
  engine_.policy().guard.store(guard::Sampling{1, 8}.word(), std::memory_order_relaxed);
  start(1);
  std::byte* const block = made(100);
  EXPECT_TRUE(engine_.guarded().owns(block));
  EXPECT_EQ(totals().bytes_in_use, 100);
  gone(block);
  EXPECT_EQ(totals().bytes_in_use, 0);
}

TEST_F(HeapProfileTest, ASampledBlockBelongsToNoHeapOfTheProgram) {
  start(1);
  std::byte* const block = made(100);
  EXPECT_EQ(engine_.heap_of(block), nullptr);
  EXPECT_TRUE(engine_.owns(block));
  EXPECT_GE(engine_.usable_size(block), 100U);
  gone(block);
}

TEST_F(HeapProfileTest, OtherThreadsAreSampledAndMayFree) {
  start(1);
  std::vector<std::byte*> blocks(1000);
  std::thread maker{[&] {
    for (std::byte*& block : blocks) block = made(48);
    engine_.park();
  }};
  maker.join();
  EXPECT_EQ(totals().objects_in_use, 1000);
  std::vector<std::thread> freers;
  for (unsigned part = 0; part < 2; ++part) {
    freers.emplace_back([&, part] {
      for (std::size_t i = part; i < blocks.size(); i += 2) gone(blocks[i]);
      engine_.park();
    });
  }
  for (std::thread& freer : freers) freer.join();
  EXPECT_EQ(totals().objects_in_use, 0);
  EXPECT_EQ(figures().lost, 0U);
}

TEST_F(HeapProfileTest, WhatDoesNotFitIntoTheTablesIsCounted) {
  start(1);
  constexpr std::size_t more = 100;
  std::vector<std::byte*> blocks;
  for (std::size_t i = 0; i < HeapProfile<RawOs>::most_live + more; ++i) blocks.push_back(made(16));
  EXPECT_EQ(figures().lost, more);
  EXPECT_EQ(figures().live, HeapProfile<RawOs>::most_live);
  for (std::byte* const block : blocks) gone(block);
  EXPECT_EQ(figures().live, 0U);
  std::byte* const next = made(16);
  EXPECT_EQ(figures().live, 1U) << "there is room again";
  gone(next);
}

TEST_F(HeapProfileTest, ItsTablesAreInTheStatistics) {
  const auto metadata = [this] {
    std::size_t bytes = 0;
    engine_.with_statistics([&bytes](const engine::Statistics& now, const auto&) {
      EXPECT_EQ(now.broken_law(), nullptr);
      bytes = now.metadata;
    });
    return bytes;
  };
  const std::size_t before = metadata();
  start(1 << 20);
  std::size_t tables = 0;
  engine_.with_sampler([&tables](auto&& sampler) { tables = sampler.profile().table_bytes(); });
  EXPECT_GE(metadata(), before + tables);
  EXPECT_GT(tables, 0U);
}

}  // namespace
}  // namespace basalt::observe
