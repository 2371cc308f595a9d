#include "hardened/hardened.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::hardened {
namespace {

struct OfHardened;
using Thread = test::TestThread<RawOs, OfHardened>;

class HardenedTest : public testing::Test {
 protected:
  HardenedTest() { Thread::forget(); }

  template <class Heap>
  static std::byte* made(Heap& heap, std::size_t size) {
    return static_cast<std::byte*>(heap.allocate(size, 16, Origin::malloc));
  }

  Hardened<RawOs, Thread>& heap_ = *new Hardened<RawOs, Thread>;
};

using HardenedDeath = HardenedTest;

TEST(Records, SayOnceThatABlockLives) {
  auto& records = *new Records<RawOs>;
  alignas(16) static std::byte block[32];
  EXPECT_FALSE(records.look(5, block).live()) << "there is no table yet";
  ASSERT_TRUE(records.ready(5));
  EXPECT_NE(records.key(), 0U);
  records.begin(5, block, Origin::new_array, 7);
  EXPECT_FALSE(records.end(5, block + 16).live()) << "a neighbour";
  EXPECT_FALSE(records.end(5, block + 1).live()) << "no beginning of a block";
  const Record record = records.end(5, block);
  EXPECT_TRUE(record.live());
  EXPECT_EQ(record.origin(), Origin::new_array);
  EXPECT_EQ(records.slack(record, 5), 7U);
  EXPECT_FALSE(records.end(5, block).live());
}

TEST(Records, KnowASlackThatIsTooLongForThem) {
  auto& records = *new Records<RawOs>;
  alignas(16) static std::byte block[16];
  ASSERT_TRUE(records.ready(300));
  for (const std::size_t slack : {std::size_t{Record::unknown}, std::size_t{16'384}, 3 * MiB}) {
    records.begin(300, block, Origin::malloc, slack);
    EXPECT_EQ(records.slack(records.look(300, block), 300), slack);
  }
}

TEST_F(HardenedTest, UsableIsWhatWasAskedFor) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 32'767U, 32'768U, 100'000U, 3'000'000U}) {
    std::byte* const block = made(heap_, size);
    EXPECT_EQ(heap_.usable_size(block), size);
    EXPECT_TRUE(heap_.deallocate(block, size, Origin::malloc));
  }
}

TEST_F(HardenedTest, WhatIsFreedIsZeroAndNobodysForAWhile) {
  std::byte* const block = made(heap_, 100);
  std::memset(block, 1, 100);
  (void)heap_.deallocate(block, Origin::malloc);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(block[i], std::byte{0});
  EXPECT_NE(made(heap_, 100), block);
}

TEST_F(HardenedTest, SlotsComeInNoOrder) {
  std::size_t ascents = 0;
  const std::byte* last = nullptr;
  for (int i = 0; i < 400; ++i) {
    const std::byte* const block = made(heap_, 40);
    ascents += block > last ? 1 : 0;
    last = block;
  }
  EXPECT_GT(ascents, 120U);
  EXPECT_LT(ascents, 280U);
}

TEST_F(HardenedTest, APurgeEmptiesTheQuarantine) {
  for (int i = 0; i < 1000; ++i) (void)heap_.deallocate(made(heap_, 100), Origin::malloc);
  EXPECT_GT(heap_.stats().live_bytes, 0U) << "what is in quarantine counts as in use";
  (void)heap_.purge();
  EXPECT_EQ(heap_.stats().live_bytes, 0U);
}

// Large blocks take memory that is not wiped; the spans that are cut from it begin zero all the same.
TEST_F(HardenedTest, SpansBeginZeroWhateverWasThereBefore) {
  for (int round = 0; round < 20; ++round) {
    std::byte* const large = made(heap_, 200'000);
    std::memset(large, 0xff, 200'000);
    (void)heap_.deallocate(large, Origin::malloc);
    std::vector<void*> blocks;
    for (int i = 0; i < 200; ++i) blocks.push_back(made(heap_, 1000));
    for (void* block : blocks) (void)heap_.deallocate(block, Origin::malloc);
    (void)heap_.purge();
  }
}

TEST_F(HardenedTest, ABlockThatGrowsInPlaceDoesNotTellItsMark) {
  std::byte* block = made(heap_, 20);
  std::memset(block, 1, 20);
  block = static_cast<std::byte*>(heap_.reallocate(block, 30));
  for (int i = 20; i < 30; ++i) EXPECT_EQ(block[i], std::byte{0});
  block = static_cast<std::byte*>(heap_.reallocate(block, 24));
  EXPECT_EQ(heap_.usable_size(block), 24U);
  EXPECT_TRUE(heap_.deallocate(block, 24, Origin::malloc));
}

TEST_F(HardenedTest, WithoutMemoryForRecordsThereIsNone) {
  using System = test::FailingOs<RawOs, struct OfRecords>;
  using Its = test::TestThread<System, struct OfRecords>;
  auto& heap = *new Hardened<System, Its>;
  Its::forget();
  System::reset();
  std::size_t granted = 0;
  for (;; ++granted) {
    System::reset();
    for (std::size_t call = granted + 1; call < granted + 200; ++call)
      System::fail_at(test::Operation::any, call);
    if (heap.allocate(100, 16) != nullptr) break;
  }
  EXPECT_GT(granted, 1U) << "what the first block takes has come bit by bit, the records last";
  System::refuse_nothing_more();
  EXPECT_TRUE(heap.deallocate(heap.allocate(100, 16)));
}

constexpr const char* double_free = "^basalt: double free: 0x[0-9a-f]+ is free already\n$";

TEST_F(HardenedDeath, OfTwoThreadsThatFreeABlockOneIsConvicted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      for (int i = 0; i < 1000; ++i) {
        std::byte* const block = made(heap_, 48);
        const auto drop = [&] {
          (void)heap_.deallocate(block, Origin::malloc);
          heap_.park();
        };
        std::thread one{drop};
        std::thread other{drop};
        one.join();
        other.join();
      },
      double_free);
}

// Each protection does its part by itself, and none of another's.
TEST_F(HardenedDeath, EachProtectionCanBeHadAlone) {
  using Bare = Hardened<RawOs, Thread, NoCanary, NoWipe, NoQuarantine>;
  using Marked = Hardened<RawOs, Thread, Canary, NoWipe, NoQuarantine>;
  using Wiped = Hardened<RawOs, Thread, NoCanary, Wipe, NoQuarantine>;
  const auto overflow = [](auto& heap) {
    std::byte* const block = made(heap, 20);
    block[20] = std::byte{0x77};
    (void)heap.deallocate(block, Origin::malloc);
  };
  const auto late_write = [](auto& heap) {
    std::byte* const block = made(heap, 20);
    (void)heap.deallocate(block, Origin::malloc);
    block[3] = std::byte{1};
    (void)made(heap, 20);
  };
  Bare& bare = *new Bare;
  Thread::forget();
  overflow(bare), late_write(bare);
  EXPECT_DEATH((Thread::forget(), overflow(*new Marked)),
               "^basalt: heap overflow: what lies behind the 20 bytes");
  EXPECT_DEATH((Thread::forget(), late_write(*new Wiped)),
               "^basalt: use of free memory: the word at 0x[0-9a-f]+, 0 bytes into");
  const auto twice = [](auto& heap) {
    std::byte* const block = made(heap, 20);
    std::byte* const other = made(heap, 20);
    for (std::byte* p : {block, other, block}) (void)heap.deallocate(p, Origin::malloc);
  };
  EXPECT_DEATH((Thread::forget(), twice(*new Bare)), double_free);
}

}  // namespace
}  // namespace basalt::hardened
