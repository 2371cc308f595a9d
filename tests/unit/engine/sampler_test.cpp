// Guarded blocks among all others: how many there are, and that every function of the engine takes them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/in_child.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

struct OfSamples;
using Thread = test::TestThread<RawOs, OfSamples>;
using Engine = test::TestEngine<RawOs, OfSamples>;

class SamplerTest : public testing::Test {
 protected:
  explicit SamplerTest(guard::Sampling wish = {1, 64}) {
    Thread::forget();
    sample(wish);
    (void)engine_.deallocate(engine_.allocate(1, 16));  // with the first one, the thread gets its heap
  }
  void sample(guard::Sampling wish) { engine_.policy().guard.store(wish.word(), std::memory_order_relaxed); }
  std::byte* made(std::size_t size, std::size_t alignment = 16) {
    return static_cast<std::byte*>(engine_.allocate(size, alignment, Origin::malloc));
  }
  // Returns: how many of so many requests were guarded; each is given back before the next.
  std::size_t guarded_of(int requests) {
    std::size_t guarded = 0;
    for (int i = 0; i < requests; ++i) {
      std::byte* const block = made(100);
      guarded += engine_.usable_size(block) == 100 ? 1 : 0;
      EXPECT_TRUE(engine_.deallocate(block, Origin::malloc));
    }
    return guarded;
  }
  // How many bytes are guarded, which only the statistics tell.
  std::size_t guarded_bytes() {
    std::size_t bytes = 0;
    engine_.with_statistics([&](const Statistics& now, const auto&) {
      EXPECT_EQ(now.broken_law(), nullptr);
      bytes = now.guarded;
    });
    return bytes;
  }

  Engine& engine_ = *new Engine;
};

TEST_F(SamplerTest, EveryRequestIsGuardedWhileThereAreSlots) {
  std::vector<std::byte*> blocks;
  for (const std::size_t size : {1U, 100U, 4000U, 32'768U, 100'000U, 250'000U}) {
    const std::size_t before = guarded_bytes();
    blocks.push_back(made(size));
    EXPECT_EQ(guarded_bytes() - before, align_up(std::size_t{size}, RawOs::page_size()));
    EXPECT_EQ(engine_.usable_size(blocks.back()), size);
  }
  const std::size_t full = guarded_bytes();
  blocks.push_back(made(300'000));
  EXPECT_EQ(guarded_bytes(), full) << "a block that is too long for a slot";
  for (std::byte* const block : blocks) EXPECT_TRUE(engine_.deallocate(block, Origin::malloc));
  EXPECT_EQ(guarded_bytes(), 0U);
  EXPECT_EQ(engine_.broken_law(), nullptr);
}

// Who has seen one child's choices does not know the next one's.
TEST_F(SamplerTest, ForkedChildrenDrawEachTheirOwnNumbers) {
  sample({20, 64});
  (void)guarded_of(1);
  std::set<int> firsts;
  for (int i = 0; i < 20; ++i) {
    engine_.before_fork();
    firsts.insert(test::in_child([&] {
      engine_.after_fork_in_child();
      int requests = 1;
      while (guarded_of(1) == 0 && requests < 200) ++requests;
      return requests;
    }));
    engine_.after_fork_in_parent();
  }
  EXPECT_GT(firsts.size(), 3U);
}

TEST(Countdown, IsDueForNoProfileThatIsOffHoweverMuchIsAskedFor) {
  Countdown countdown;
  countdown.draw_guard(10'000, 1);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(countdown.take(SIZE_MAX / 2).profile);
}

TEST(Sampler, TheFirstRequestOfAThreadToo) {
  Thread::forget();
  Engine& engine = *new Engine;
  engine.policy().guard.store(guard::Sampling{1, 8}.word(), std::memory_order_relaxed);
  void* const block = engine.allocate(100, 16, Origin::malloc);
  EXPECT_EQ(engine.usable_size(block), 100U);
  EXPECT_TRUE(engine.deallocate(block, 100, Origin::malloc));
}

TEST_F(SamplerTest, AlignedAndZeroedOnesToo) {
  for (const std::size_t alignment : {std::size_t{32}, std::size_t{512}, RawOs::page_size()}) {
    std::byte* const block = made(100, alignment);
    EXPECT_EQ(address_of(block) % alignment, 0U);
    EXPECT_EQ(engine_.usable_size(block), 100U);
    EXPECT_TRUE(engine_.deallocate(block, 100, Origin::malloc));
  }
  for (const std::size_t size : {100U, 100'000U}) {
    auto* const block = static_cast<std::byte*>(engine_.allocate_zeroed(size));
    EXPECT_EQ(engine_.usable_size(block), size);
    EXPECT_TRUE(std::all_of(block, block + size, [](std::byte byte) { return byte == std::byte{0}; }));
    EXPECT_TRUE(engine_.deallocate(block));
  }
}

TEST_F(SamplerTest, ReallocationMovesIntoAndOutOfSlots) {
  std::byte* block = made(100);
  std::memset(block, 7, 100);
  for (const std::size_t size : {200U, 50U, 100'000U, 300'000U, 60U, 60U}) {
    block = static_cast<std::byte*>(engine_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(std::all_of(block, block + 50, [](std::byte byte) { return byte == std::byte{7}; }));
  }
  EXPECT_EQ(engine_.usable_size(block), 60U);
  EXPECT_TRUE(engine_.deallocate(block, Origin::malloc));
  EXPECT_EQ(guarded_bytes(), 0U);
}

TEST_F(SamplerTest, WhenThereIsNoSlotABlockIsLikeAnyOther) {
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(made(100));
  EXPECT_EQ(guarded_bytes(), 64 * RawOs::page_size());
  for (std::byte* const block : blocks) EXPECT_TRUE(engine_.deallocate(block, Origin::malloc));
  EXPECT_EQ(guarded_bytes(), 0U);
}

TEST_F(SamplerTest, GuardingCanBeTurnedOffAndOn) {
  sample({0, 64});
  EXPECT_EQ(guarded_of(1000), 0U);
  sample({1, 64});
  (void)made(777);  // a slow path, on which the heap learns of it
  EXPECT_EQ(guarded_of(10), 10U);
}

class SamplerRateTest : public SamplerTest {
 protected:
  SamplerRateTest() : SamplerTest{{100, 64}} {}
};

// What a program does most is to use the same block again and again, and no bin ever runs empty.
TEST_F(SamplerRateTest, OneRequestInSoManyIsGuardedAlsoWhereTheSlotIsAlwaysTheSame) {
  const std::size_t guarded = guarded_of(100'000);
  EXPECT_GT(guarded, 900U);
  EXPECT_LT(guarded, 1100U);
}

TEST_F(SamplerRateTest, LargeBlocksCountToo) {
  std::size_t guarded = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::byte* const block = made(100'000);
    guarded += engine_.usable_size(block) == 100'000 ? 1 : 0;
    EXPECT_TRUE(engine_.deallocate(block, Origin::malloc));
  }
  EXPECT_GT(guarded, 50U);
  EXPECT_LT(guarded, 150U);
}

TEST(Sampling, IsOneWord) {
  using guard::Sampling;
  EXPECT_EQ(Sampling::from((Sampling{1000, 8}).word()).rate, 1000U);
  EXPECT_EQ(Sampling::from((Sampling{1000, 8}).word()).slots, 8U);
  EXPECT_EQ((Sampling{0, 8}).word(), Sampling::off);
}

TEST(Sampling, CountsDownFromAnythingUpToTwiceTheRate) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const std::uint32_t next = guard::next_countdown(100, mixed_bits(i));
    EXPECT_GE(next, 1U);
    EXPECT_LE(next, 199U);
    sum += next;
  }
  EXPECT_NEAR(static_cast<double>(sum) / 10'000, 100, 3);
  EXPECT_EQ(guard::next_countdown(1, 12345), 1U);
}

}  // namespace
}  // namespace basalt::engine
