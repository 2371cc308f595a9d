// Guarded slots in many hands: blocks are allocated here and freed there, and a slot that is used again was let go before.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfGuardRaces;
using Thread = test::TestThread<RawOs, OfGuardRaces>;
using Engine = test::TestEngine<RawOs, OfGuardRaces>;

constexpr int threads = 4;
constexpr int rounds = 2'000;

// A place where one thread leaves a block and whoever comes by takes it.
using Place = std::atomic<unsigned char*>;

void pass_on(Engine& engine, Place& place, unsigned char mark) {
  auto* const block = static_cast<unsigned char*>(engine.allocate(200, 16, Origin::malloc));
  ASSERT_NE(block, nullptr);
  block[0] = block[199] = mark;
  unsigned char* const other = place.exchange(block, std::memory_order_acq_rel);
  if (other == nullptr) return;
  EXPECT_EQ(other[0], other[199]);
  EXPECT_TRUE(engine.deallocate(other, 200, Origin::malloc));
}

TEST(GuardedSlotsRace, BlocksAreFreedByOtherThreadsThanTheyWereMadeBy) {
  Engine& engine = *new Engine;
  engine.policy().guard.store(guard::Sampling{2, 8}.word(), std::memory_order_relaxed);
  Place places[8] = {};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i)
        pass_on(engine, places[(i * 7 + t) % 8], static_cast<unsigned char>(i));
      engine.park();
    });
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(engine.broken_law(), nullptr);
    engine.with_statistics([](const auto& now, const auto&) { EXPECT_EQ(now.broken_law(), nullptr); });
  }
  for (std::thread& one : all) one.join();
  for (Place& place : places) {
    unsigned char* const rest = place.load(std::memory_order_acquire);
    EXPECT_TRUE(rest == nullptr || engine.deallocate(rest, 200, Origin::malloc));
  }
  EXPECT_EQ(engine.guarded().live_bytes(), 0U);
  EXPECT_EQ(engine.broken_law(), nullptr);
}

TEST(GuardedSlotsRace, OneThreadTurnsGuardingOnAndOffUnderTheOthers) {
  Engine& engine = *new Engine;
  Place places[8] = {};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        if (t == 0)
          engine.policy().guard.store(guard::Sampling{i % 2 == 0 ? 3U : 0U, 8}.word(),
                                      std::memory_order_relaxed);
        pass_on(engine, places[(i * 5 + t) % 8], static_cast<unsigned char>(i));
      }
      engine.park();
    });
  }
  for (std::thread& one : all) one.join();
  EXPECT_EQ(engine.broken_law(), nullptr);
}

}  // namespace
}  // namespace basalt
