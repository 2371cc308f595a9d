#include "hardened/hardened.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/readable.hpp"
#include "support/report_text.hpp"
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

const engine::Space<RawOs>& nowhere = *new engine::Space<RawOs>;  // there is no block in it

TEST(Records, SayOnceThatABlockLives) {
  auto& records = *new Records<RawOs>;
  alignas(16) static std::byte block[32];
  EXPECT_FALSE(records.look(5, block).live()) << "there is no table yet";
  ASSERT_TRUE(records.ready(5, false));
  EXPECT_NE(records.key(), 0U);
  records.begin(5, block, Origin::new_array, 7);
  EXPECT_FALSE(records.end(5, block + 16).live()) << "a neighbour";
  EXPECT_FALSE(records.end(5, block + 1).live()) << "no beginning of a block";
  const Record record = records.end(5, block);
  EXPECT_TRUE(record.live());
  EXPECT_EQ(record.origin(), Origin::new_array);
  EXPECT_EQ(records.slack(record, 5, block), 7U);
  EXPECT_FALSE(records.end(5, block).live());
}

TEST(Records, KnowASlackThatIsTooLongForThem) {
  auto& records = *new Records<RawOs>;
  alignas(16) static std::byte block[16];
  for (const bool sole : {true, false}) {
    ASSERT_TRUE(records.ready(300, sole));
    for (const std::size_t slack : {std::size_t{Record::unknown}, std::size_t{16'384}, 3 * MiB, 5 * GiB}) {
      records.begin(300, block, Origin::malloc, slack);
      EXPECT_EQ(records.slack(records.look(300, block), 300, block), slack);
    }
    EXPECT_TRUE(records.end(300, block).live());
  }
}

TEST(Records, OfABlockThatHasAChunkToItselfTakeNoTable) {
  auto& records = *new Records<RawOs>;
  alignas(16) static std::byte block[16];
  ASSERT_TRUE(records.ready(300, true));
  EXPECT_NE(records.key(), 0U);
  records.begin(300, block, Origin::new_object, 100);
  records.each_table([](Range) { FAIL() << "there is a table"; });
  const Record record = records.end(300, block);
  EXPECT_TRUE(record.live());
  EXPECT_EQ(records.slack(record, 300, block), 100U);
  EXPECT_FALSE(records.end(300, block).live());
}

// Two slots of 8 KiB lie in a slice: each has a slack of its own, however long.
TEST_F(HardenedTest, LongSlacksOfNeighboursAreNotMixedUp) {
  std::byte* blocks[16];
  for (std::size_t i = 0; i < 16; ++i)
    blocks[i] = static_cast<std::byte*>(heap_.allocate(i % 2, 8192, Origin::malloc));
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(heap_.usable_size(blocks[i]), i % 2);
  for (std::size_t i = 0; i < 16; ++i) EXPECT_TRUE(heap_.deallocate(blocks[i], Origin::malloc));
}

TEST_F(HardenedTest, WhatWasTheMarkIsNotShownToWhoeverMakesABlockLonger) {
  for (const auto& [from, to] : {std::pair{100U, 110U}, {40'000U, 120'000U}, {300'000U, 900'000U}}) {
    std::byte* const block = made(heap_, from);
    auto* const longer = static_cast<std::byte*>(heap_.reallocate(block, to));
    for (std::size_t i = from; i < to; ++i) ASSERT_EQ(longer[i], std::byte{0}) << from << " at " << i;
    EXPECT_TRUE(heap_.deallocate(longer, Origin::malloc));
  }
}

// What a block leaves behind when it is made longer is in exile, like what was freed.
TEST_F(HardenedTest, ABlockThatMovesLeavesAddressesThatCannotBeTouched) {
  std::byte* const block = made(heap_, MiB);
  std::byte* const next = made(heap_, MiB);
  auto* const longer = static_cast<std::byte*>(heap_.reallocate(block, 64 * MiB));
  ASSERT_NE(longer, block);
  EXPECT_FALSE(test::readable(block));
  EXPECT_TRUE(heap_.deallocate(longer, Origin::malloc));
  EXPECT_TRUE(heap_.deallocate(next, Origin::malloc));
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

TEST_F(HardenedTest, ALargeBlockThatShrinksIntoAGuardedSlotTakesOnlyItsOwnBytesAlong) {
  std::byte* const block = made(heap_, MiB);
  std::memset(block, 1, MiB);
  heap_.policy().guard.store(guard::Sampling{1, 8}.word(), std::memory_order_relaxed);
  auto* const shrunk = static_cast<std::byte*>(heap_.reallocate(block, 40'001));
  ASSERT_TRUE(heap_.guarded().owns(shrunk));
  EXPECT_EQ(heap_.usable_size(shrunk), 40'001U);
  for (int i = 0; i < 40'001; ++i) ASSERT_EQ(shrunk[i], std::byte{1});
  EXPECT_TRUE(heap_.deallocate(shrunk, 40'001, Origin::malloc)) << "and nobody wrote behind it";
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

// A handler of signals may interrupt its thread in between two steps at a bin. Whatever it does, it leaves no trace there.
TEST_F(HardenedTest, AHandlerThatInterruptsItsThreadAtABinUsesNone) {
  std::byte* const warm = made(heap_, 100);
  const auto own_bin_holds = [] { return Thread::heap()->bins[engine::class_of(101)].held(); };
  const std::size_t before = own_bin_holds();
  std::byte* kept = nullptr;
  std::byte* large = nullptr;
  if (const Inside<Thread> inside; true) {
    kept = made(heap_, 100);
    large = made(heap_, 1'000'000);
    for (int i = 0; i < 1000; ++i) (void)heap_.deallocate(made(heap_, 100), Origin::malloc);
    (void)heap_.deallocate(warm, Origin::malloc);
    EXPECT_EQ(heap_.purge(), 0U);
    EXPECT_EQ(own_bin_holds(), before);
  }
  EXPECT_FALSE(Inside<Thread>::already());
  EXPECT_EQ(own_bin_holds(), before);
  EXPECT_NE(made(heap_, 100), kept);
  (void)heap_.deallocate(kept, Origin::malloc);
  (void)heap_.deallocate(large, Origin::malloc);
  EXPECT_EQ(heap_.broken_law(), nullptr);
}

TEST_F(HardenedTest, APurgeEmptiesTheWardOfAThreadThatIsGone) {
  std::thread{[this] {
    Thread::forget();
    for (int i = 0; i < 1000; ++i) (void)heap_.deallocate(made(heap_, 100), Origin::malloc);
    heap_.park();
  }}.join();
  EXPECT_GT(heap_.stats().live_bytes, 0U);
  (void)heap_.purge();
  EXPECT_EQ(heap_.stats().live_bytes, 0U);
}

// It takes one of their heaps when it frees what was in the ward of the other.
TEST_F(HardenedTest, APurgeByAThreadWithoutAHeapEmptiesTheWardOfTheOneThatItTakes) {
  const auto leave_a_full_ward = [this] {
    Thread::forget();
    for (int i = 0; i < 1000; ++i) (void)heap_.deallocate(made(heap_, 100), Origin::malloc);
  };
  std::thread{[&] {
    leave_a_full_ward();
    std::thread{[&] { leave_a_full_ward(), heap_.park(); }}.join();
    heap_.park();
  }}.join();
  std::thread{[this] {
    Thread::forget();
    (void)heap_.purge();
    EXPECT_EQ(heap_.stats().live_bytes, 0U);
    heap_.park();
  }}.join();
}

TEST_F(HardenedTest, AThreadEmptiesItsOwnWardWhenItFreesNext) {
  std::atomic<int> step{0};
  const auto go_to = [&](int next) { step = next, step.notify_all(); };
  std::thread thread{[&] {
    Thread::forget();
    std::byte* const last = made(heap_, 100);
    for (int i = 0; i < 200; ++i) (void)heap_.deallocate(made(heap_, 100), Origin::malloc);
    go_to(1), step.wait(1);
    (void)heap_.deallocate(last, Origin::malloc);
    go_to(3), step.wait(3);
    heap_.park();
  }};
  step.wait(0);
  (void)heap_.purge();
  EXPECT_GT(heap_.stats().live_bytes, 100U * 112)
      << "it sleeps, and nobody else may touch what is in its ward";
  go_to(2), step.wait(2);
  EXPECT_EQ(heap_.stats().live_bytes, 112U) << "the one that it has freed now";
  go_to(4);
  thread.join();
}

// Without shuffling, so that nothing but the quarantine can differ.
TEST_F(HardenedTest, BlocksLeaveQuarantineInAnotherOrderInEachForkedChild) {
  auto& heap = *new Hardened<RawOs, Thread, Canary, Wipe, Quarantine, NoRanges, NoWalls, NoExile, NoShuffle>;
  for (int i = 0; i < 3000; ++i) (void)heap.deallocate(made(heap, 600), Origin::malloc);
  const auto told_by_child = [&heap] {
    std::array<std::byte*, 200> places{};
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    heap.before_fork();
    const pid_t child = ::fork();
    if (child == 0) {
      heap.after_fork_in_child();
      for (std::byte*& place : places) (void)heap.deallocate(place = made(heap, 600), Origin::malloc);
      ::_exit(::write(ends[1], places.data(), sizeof places) == sizeof places ? 0 : 1);
    }
    heap.after_fork_in_parent();
    EXPECT_EQ(::read(ends[0], places.data(), sizeof places), static_cast<ssize_t>(sizeof places));
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ends[0]), ::close(ends[1]);
    return places;
  };
  const auto first = told_by_child();
  EXPECT_NE(first, told_by_child());
}

TEST_F(HardenedTest, AMarkLeavesTheBytesBeforeItAsTheyAre) {
  for (std::size_t size = 9; size <= 48; ++size) {
    alignas(16) std::byte block[64];
    const std::size_t usable = (size + 16) / 16 * 16;
    std::memset(block, 0x5a, sizeof block);
    Canary::set(block, size, usable - size, 12345);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], std::byte{0x5a}) << size;
    ASSERT_NE(block[size], std::byte{0x5a}) << size;
    for (std::size_t i = usable; i < sizeof block; ++i) ASSERT_EQ(block[i], std::byte{0x5a}) << size;
    std::memset(block, 0xff, size);
    Canary::insist(nowhere, block, size, usable - size, 12345);
  }
}

TEST_F(HardenedDeath, EveryByteOfAMarkCounts) {
  alignas(16) std::byte block[48] = {};
  for (const std::size_t size : {9U, 15U, 20U, 24U, 31U}) {
    const std::size_t slack = 32 - size;
    for (std::size_t i = size; i < size + std::min<std::size_t>(slack, 8); ++i) {
      Canary::set(block, size, slack, 12345);
      block[i] ^= std::byte{0x10};
      EXPECT_DEATH(Canary::insist(nowhere, block, size, slack, 12345), "^basalt: heap overflow")
          << size << " " << i;
    }
  }
}

TEST_F(HardenedTest, WhatIsWipedIsZeroUpToItsLastSixteenBytes) {
  alignas(16) static std::byte slot[1024];
  for (std::size_t bytes = 1; bytes <= 600; ++bytes) {
    const std::size_t whole = (bytes + 15) / 16 * 16;
    std::memset(slot, 0x5a, sizeof slot);
    Wipe::wipe(slot, bytes);
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(slot[i], std::byte{0}) << bytes;
    for (std::size_t i = whole; i < sizeof slot; ++i) ASSERT_EQ(slot[i], std::byte{0x5a}) << bytes;
  }
}

TEST_F(HardenedDeath, EveryWordOfASlotIsLookedAt) {
  alignas(16) static std::byte slot[256] = {};
  for (const std::size_t bytes : {16U, 32U, 48U, 64U, 80U, 112U, 128U, 144U, 208U}) {
    Wipe::insist(nowhere, slot, bytes);
    for (std::size_t i = 0; i < bytes; i += 8) {
      slot[i + i / 8 % 8] = std::byte{1};
      EXPECT_DEATH(Wipe::insist(nowhere, slot, bytes), "^basalt: use of free memory") << bytes << " " << i;
      slot[i + i / 8 % 8] = std::byte{0};
    }
  }
}

const std::string double_free = "^basalt: double free: 0x[0-9a-f]+ is free already" + test::report_goes_on;

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
    block[20] = std::byte{0x76};
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

// A span of which every block was freed goes back to the space, and comes from there again: what was written to it then is found.
template <class Heap>
void write_to_a_span_that_is_gone(Heap& heap, bool purged) {
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 3'000; ++i)
    blocks.push_back(static_cast<std::byte*>(heap.allocate(200, 16, Origin::malloc)));
  for (std::byte* block : blocks) (void)heap.deallocate(block, Origin::malloc);
  blocks[1'500][100] = std::byte{1};
  if (purged) (void)heap.purge();
  for (std::byte*& block : blocks) block = static_cast<std::byte*>(heap.allocate(200, 16, Origin::malloc));
}

TEST_F(HardenedDeath, WritesToASpanThatIsGoneAreSeen) {
  const std::string seen =
      "^basalt: use of free memory: the word at 0x[0-9a-f]+, 96 bytes into the free block at 0x[0-9a-f]+, "
      "was "
      "overwritten\n  block: slot [0-9]+ of 78, 208 bytes each, in the span at 0x[0-9a-f]+";
  EXPECT_DEATH((Thread::forget(), write_to_a_span_that_is_gone(heap_, false)), seen + " of heap 1, ");
  EXPECT_DEATH((Thread::forget(), write_to_a_span_that_is_gone(heap_, true)),
               seen + ", which was free as a whole\n");
}

TEST_F(HardenedTest, GroundCanBeLaidOutInEachWayAlone) {
  const auto live = [](auto& heap) {
    Thread::forget();
    for (int round = 0; round < 3; ++round) {
      std::vector<void*> blocks;
      for (std::size_t size = 1; size < 5 * MiB; size += size / 3 + 1) {
        blocks.push_back(made(heap, size));
        ASSERT_NE(blocks.back(), nullptr);
        std::memset(blocks.back(), 1, size);
      }
      for (void* block : blocks) (void)heap.deallocate(block, Origin::malloc);
      (void)heap.purge();
      ASSERT_STREQ(heap.broken_law(), nullptr);
    }
  };
  using Without = Hardened<RawOs, Thread, Canary, Wipe, Quarantine, NoRanges, NoWalls, NoExile>;
  using Apart = Hardened<RawOs, Thread, Canary, Wipe, Quarantine, Ranges, NoWalls, NoExile>;
  using Walled = Hardened<RawOs, Thread, Canary, Wipe, Quarantine, Ranges, Walls, NoExile>;
  using Exiling = Hardened<RawOs, Thread, Canary, Wipe, Quarantine, NoRanges, NoWalls, Exile>;
  using InOrder = Hardened<RawOs, Thread, Canary, Wipe, Quarantine, Ranges, Walls, Exile, NoShuffle>;
  live(*new InOrder), live(*new Without), live(*new Apart), live(*new Walled), live(*new Exiling),
      live(heap_);
}

}  // namespace
}  // namespace basalt::hardened
