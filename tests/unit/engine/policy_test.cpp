// What each setting of the policy does: none may be ignored.

#include "engine/policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/heap_pool.hpp"
#include "engine/large.hpp"
#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

std::size_t may_keep(const Policy& policy, std::size_t in_use) {
  return std::min(policy.wish(in_use), policy.room(in_use));
}

constexpr auto relaxed = std::memory_order_relaxed;

TEST(Policies, KeepTheMoreOfAFixedAmountAndAShare) {
  Policy policy;
  policy.keep.store(10 * MiB, relaxed);
  policy.keep_percent.store(20, relaxed);
  EXPECT_EQ(may_keep(policy, 0), 10 * MiB);
  EXPECT_EQ(may_keep(policy, 100 * 10 * MiB), 200 * MiB);
}

TEST(Policies, KeepLessNearALimit) {
  Policy policy;
  policy.soft_limit.store(100 * MiB, relaxed);
  EXPECT_EQ(may_keep(policy, 90 * MiB), 10 * MiB);
  EXPECT_EQ(may_keep(policy, 200 * MiB), MiB) << "a little, so that not every free asks the system";
  policy.hard_limit.store(95 * MiB, relaxed);
  EXPECT_EQ(may_keep(policy, 90 * MiB), 5 * MiB);
  EXPECT_EQ(may_keep(policy, 95 * MiB), 0U) << "the limit is one on all that may be in memory";
  EXPECT_TRUE(policy.allows(5 * MiB, 90 * MiB));
  EXPECT_FALSE(policy.allows(5 * MiB + 1, 90 * MiB));
  EXPECT_FALSE(policy.allows(1, 96 * MiB));
}

TEST(Policies, LeaveAnEighthOfTheContainerToOthers) {
  Policy policy;
  policy.container_bytes.store(160 * MiB, relaxed);
  EXPECT_EQ(may_keep(policy, 130 * MiB), 10 * MiB);
  policy.container.store(0, relaxed);
  EXPECT_EQ(may_keep(policy, 130 * MiB), 32 * MiB);
}

TEST(Policies, GiveThreadsLessThatOutnumberTheProcessors) {
  Policy policy;
  policy.heaps.store(64, relaxed);
  EXPECT_EQ(policy.bin_bytes(), 64 * KiB) << "it is not known how many processors there are";
  policy.processors.store(2, relaxed);
  EXPECT_EQ(policy.bin_bytes(), 16 * KiB);
  policy.heaps.store(16, relaxed);
  EXPECT_EQ(policy.bin_bytes(), 64 * KiB);
  policy.heaps.store(10'000, relaxed);
  EXPECT_EQ(policy.bin_bytes(), Policy::least_cache);
  policy.container.store(0, relaxed);
  EXPECT_EQ(policy.bin_bytes(), 64 * KiB);
}

class OfASpace : public testing::Test {
 protected:
  OfASpace() { EXPECT_TRUE(space_.ready()); }

  // Returns: slices of so many bytes, in runs of 1 MiB.
  std::vector<engine::Run> take(std::size_t bytes) {
    std::vector<engine::Run> runs;
    for (; bytes != 0; bytes -= MiB) runs.push_back(space_.take(static_cast<unsigned>(MiB / slice_bytes)));
    return runs;
  }
  void give(const std::vector<engine::Run>& runs) {
    for (const engine::Run run : runs) space_.give(run);
  }
  void free(void* huge) {
    const std::size_t slice = space_.window().slice_of(huge);
    ASSERT_TRUE(large_.free(huge, slice, space_.window().entry(slice)));
  }

  Space<RawOs>& space_ = *new Space<RawOs>;
  LargeBlocks<RawOs> large_{space_};
  Policy& policy_ = space_.policy;
};

TEST_F(OfASpace, WhatIsKeptIsWhatThePolicyKeeps) {
  const auto left_of_64_mib = [this](std::size_t keep) {
    policy_.keep.store(keep, relaxed);
    (void)space_.purge();
    give(take(64 * MiB));
    return space_.dirty_bytes();
  };
  EXPECT_EQ(left_of_64_mib(64 * MiB), 64 * MiB);
  EXPECT_LE(left_of_64_mib(4 * MiB), 4 * MiB);
  EXPECT_EQ(left_of_64_mib(0), 0U);
}

TEST_F(OfASpace, AShareOfWhatIsInUseIsKept) {
  const auto in_use = take(200 * MiB);
  policy_.keep_percent.store(50, relaxed);
  give(take(90 * MiB));
  EXPECT_EQ(space_.dirty_bytes(), 90 * MiB);
  give(in_use);
  EXPECT_LE(space_.dirty_bytes(), 32 * MiB);
}

TEST_F(OfASpace, AboveTheSoftLimitFreeMemoryGoesBackAtOnce) {
  const auto base = take(20 * MiB);
  give(take(20 * MiB));
  EXPECT_EQ(space_.dirty_bytes(), 20 * MiB);
  policy_.soft_limit.store(30 * MiB, relaxed);
  const auto more = take(MiB);
  EXPECT_LE(space_.used_bytes() + space_.dirty_bytes(), 30 * MiB) << "as soon as there is a limit";
  const auto above = take(20 * MiB);
  EXPECT_EQ(space_.used_bytes(), 41 * MiB) << "it is not a hard one";
  give(above);
  EXPECT_LE(space_.used_bytes() + space_.dirty_bytes(), 30 * MiB);
  (void)more;
  (void)base;
}

TEST_F(OfASpace, NearTheContainersLimitFreeMemoryGoesBackAtOnce) {
  policy_.container_bytes.store(32 * MiB, relaxed);
  const auto in_use = take(25 * MiB);
  give(take(20 * MiB));
  EXPECT_LE(space_.dirty_bytes(), 3 * MiB);
  policy_.container.store(0, relaxed);
  give(take(20 * MiB));
  EXPECT_EQ(space_.dirty_bytes(), 20 * MiB);
}

TEST_F(OfASpace, BeyondTheHardLimitThereIsNothing) {
  policy_.hard_limit.store(15 * MiB, relaxed);
  const auto runs = take(15 * MiB);
  EXPECT_NE(runs.back().count, 0U);
  EXPECT_EQ(space_.take(1).count, 0U);
  EXPECT_FALSE(space_.extend(runs.back(), 1));
  EXPECT_EQ(large_.allocate(3 * MiB, 16), nullptr);
  give({runs.back()});
  EXPECT_NE(space_.take(1).count, 0U);
  EXPECT_STREQ(space_.broken_law(), nullptr);
}

TEST_F(OfASpace, WhatIsFreeCountsAgainstTheHardLimitAndMakesWay) {
  policy_.hard_limit.store(32 * MiB, relaxed);
  give(take(24 * MiB));
  void* const huge = large_.allocate(20 * MiB, 16);
  ASSERT_NE(huge, nullptr);
  EXPECT_LE(space_.used_bytes() + space_.dirty_bytes(), 32 * MiB);
  free(huge);
  const auto runs = take(30 * MiB);
  EXPECT_NE(runs.back().count, 0U);
  EXPECT_LE(space_.used_bytes() + space_.dirty_bytes(), 32 * MiB);
}

TEST_F(OfASpace, AHugeBlockDoesNotGrowBeyondTheHardLimit) {
  policy_.hard_limit.store(32 * MiB, relaxed);
  auto* const huge = static_cast<std::byte*>(large_.allocate(20 * MiB, 16));
  huge[20 * MiB - 1] = std::byte{7};
  EXPECT_EQ(large_.resize(huge, 33 * MiB), nullptr);
  EXPECT_EQ(huge[20 * MiB - 1], std::byte{7});
  EXPECT_NE(large_.resize(huge, 32 * MiB), nullptr);
  EXPECT_EQ(space_.used_bytes(), 32 * MiB);
}

TEST_F(OfASpace, AKeptHugeBlockThatIsLongerCannotBreakTheHardLimit) {
  void* const first = large_.allocate(10 * MiB, 16);
  free(first);
  policy_.hard_limit.store(9 * MiB, relaxed);
  EXPECT_NE(large_.allocate(9 * MiB, 16), nullptr);
  EXPECT_LE(space_.used_bytes(), 9 * MiB);
}

class OfAHeap : public testing::Test {
 protected:
  // Effects: uses the bin of class `c` until its room grows no more.  Returns: that room, in slots.
  std::size_t room(SizeClass c) {
    auto& bin = heap_->bins[c];
    for (int round = 0; round < 12; ++round) {
      EXPECT_NE(heap_->refill(c), nullptr);
      std::vector<void*> slots;
      for (void* slot = nullptr; bin.pop(slot);) slots.push_back(slot);
      while (!slots.empty() && bin.push(slots.back())) slots.pop_back();
      heap_->make_room(c);
      heap_->flush();
    }
    return bin.capacity();
  }

  Space<RawOs>& space_ = *new Space<RawOs>;
  HeapPool<RawOs>& pool_ = *new HeapPool<RawOs>;
  bool ready_ = space_.ready();
  Heap<RawOs>* heap_ = pool_.take(space_);
};

TEST_F(OfAHeap, ABinHoldsWhatThePolicySays) {
  const SizeClass c = class_of(KiB);
  EXPECT_EQ(room(c), 64U);
  space_.policy.cache.store(16 * KiB, relaxed);
  EXPECT_EQ(room(c), 16U) << "also a bin that had more";
  space_.policy.cache.store(256 * KiB, relaxed);
  EXPECT_EQ(room(c), 256U);
}

TEST_F(OfAHeap, AFullBinThatIsTooLongGivesBackMoreThanHalf) {
  const SizeClass c = class_of(KiB);
  ASSERT_EQ(room(c), 64U);
  auto& bin = heap_->bins[c];
  std::vector<void*> slots(64);
  for (void*& slot : slots) {
    if (!bin.pop(slot)) slot = heap_->refill(c);
  }
  while (!slots.empty() && bin.push(slots.back())) slots.pop_back();
  ASSERT_EQ(bin.held(), bin.capacity());
  space_.policy.cache.store(16 * KiB, relaxed);
  heap_->make_room(c);
  EXPECT_EQ(bin.held(), 8U);
  EXPECT_EQ(bin.capacity(), 16U);
}

TEST_F(OfAHeap, TheArraysOfTheLargestBinsFitBesideTheHeap) {
  space_.policy.cache.store(Policy::most_cache, relaxed);
  for (unsigned c = 0; c < class_count; ++c) {
    const std::size_t bound = std::clamp<std::size_t>(Policy::most_cache / slot_bytes(c), 8, 1024);
    EXPECT_EQ(room(static_cast<SizeClass>(c)), bound) << "class " << c;
  }
}

// As it does while threads come and go.
TEST_F(OfAHeap, EveryBinFindsAnArrayHoweverOftenTheBoundOfAnotherWentUpByLittle) {
  for (std::size_t bytes = Policy::least_cache; bytes <= 64 * KiB; bytes += 128) {
    space_.policy.cache.store(bytes, relaxed);
    EXPECT_EQ(room(class_of(64)), std::min<std::size_t>(bytes / 64, 1024));
  }
  for (unsigned c = 0; c < class_count; ++c) EXPECT_GE(room(static_cast<SizeClass>(c)), 8U) << "class " << c;
}

TEST_F(OfAHeap, TheMoreHeapsHaveThreadsTheLessABinHolds) {
  space_.policy.processors.store(1, relaxed);
  std::vector<Heap<RawOs>*> others;
  for (int i = 0; i < 31; ++i) others.push_back(pool_.take(space_));
  EXPECT_EQ(room(class_of(KiB)), 16U);
  for (Heap<RawOs>* const heap : others) pool_.park(*heap);
  EXPECT_EQ(room(class_of(KiB)), 64U);
}

using Thread = test::TestThread<RawOs, struct OfPolicies>;

class OfAnEngine : public testing::Test {
 protected:
  using Engine = test::TestEngine<RawOs, struct OfPolicies>;

  OfAnEngine() { Thread::forget(); }
  ~OfAnEngine() override { Thread::forget(); }

  Engine& engine_ = *new Engine;
};

TEST_F(OfAnEngine, WhatBinsHoldMakesWayBeforeTheHardLimitRefuses) {
  engine_.policy().hard_limit.store(2 * MiB, relaxed);
  std::vector<void*> blocks;
  for (std::size_t size = 16; size <= 4 * KiB; size += 256) {
    for (int i = 0; i < 40; ++i) blocks.push_back(engine_.allocate(size, 16));
  }
  for (void* const block : blocks) EXPECT_TRUE(block != nullptr && engine_.deallocate(block));
  for (const std::size_t alignment : {16UL, 64 * KiB}) {
    void* const most = engine_.allocate(2 * MiB - 64 * KiB, alignment);
    ASSERT_NE(most, nullptr);
    EXPECT_EQ(engine_.allocate(100 * KiB, 16), nullptr);
    EXPECT_TRUE(engine_.deallocate(most));
  }
}

TEST_F(OfAnEngine, AProgramThatMeetsTheHardLimitLivesOn) {
  engine_.policy().hard_limit.store(4 * MiB, relaxed);
  std::vector<void*> blocks;
  for (;;) {
    void* const block = engine_.allocate(1000, 16);
    if (block == nullptr) break;
    std::memset(block, 1, 1000);
    blocks.push_back(block);
  }
  EXPECT_GT(blocks.size(), 3500U);
  EXPECT_LE(blocks.size(), 4 * MiB / 1000);
  for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  EXPECT_NE(engine_.allocate(1000, 16), nullptr);
  EXPECT_EQ(engine_.broken_law(), nullptr);
}

// A thread that has purged cannot reach into the bins of another, but that one hears of it.
TEST_F(OfAnEngine, AfterAPurgeAnotherThreadEmptiesItsBinsButForTheHottestSlotOnItsNextSlowPath) {
  std::atomic<int> step{0};
  const auto wait_for = [&step](int wanted) {
    for (int now = step; now < wanted; now = step) step.wait(now);
  };
  const auto go_to = [&step](int next) {
    step = next;
    step.notify_all();
  };
  std::thread other{[&] {
    void* blocks[8];
    for (void*& block : blocks) block = engine_.allocate(KiB, 16);
    for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
    go_to(1);
    wait_for(2);
    EXPECT_NE(engine_.allocate(100, 16), nullptr);
    go_to(3);
    wait_for(4);
    engine_.park();
  }};
  const auto cached = [this] {
    std::size_t bytes = 0;
    engine_.with_statistics(
        [&bytes](const Statistics& now, const auto&) { bytes = now.of_class[class_of(KiB)].cached; });
    return bytes;
  };
  wait_for(1);
  (void)engine_.purge();
  EXPECT_GE(cached(), 8 * KiB) << "nobody else may touch them";
  go_to(2);
  wait_for(3);
  EXPECT_EQ(cached(), KiB) << "a handler of signals may have interrupted a pop that has read it";
  go_to(4);
  other.join();
}

}  // namespace
}  // namespace basalt::engine
