// What the engine says when a program frees what it must not free. The sentences are API.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "platform/raw_os.hpp"
#include "support/report_text.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfCrimes;
using Thread = test::TestThread<RawOs, OfCrimes>;
using Engine = test::TestEngine<RawOs, OfCrimes>;

class EngineDeath : public testing::Test {
 protected:
  EngineDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Thread::forget();
  }

  std::byte* made(std::size_t size) { return static_cast<std::byte*>(engine_.allocate(size, 16)); }
  void drop(std::byte* block) { (void)engine_.deallocate(block); }

  // Effects: everything in bins and outbox of this thread goes home, where it is checked.
  void flush() { (void)engine_.trim(); }

  template <class Body>
  void elsewhere(Body body) {
    std::thread{[&] {
      body();
      engine_.park();
    }}.join();
  }

  Engine& engine_ = *new Engine;
};

const std::string double_free = "^basalt: double free: 0x[0-9a-f]+ is free already" + test::report_goes_on;
const std::string inside_large =
    "^basalt: invalid pointer in free: 0x[0-9a-f]+ lies inside a large block" + test::report_goes_on;

TEST_F(EngineDeath, DoubleFreeInARowIsNamedAtOnce) {
  for (const std::size_t size : {0U, 1U, 100U, 32'768U}) {
    std::byte* const block = made(size);
    drop(block);
    EXPECT_DEATH(drop(block), double_free) << size;
  }
}

TEST_F(EngineDeath, DoubleSizedFreeInARowIsNamedAtOnce) {
  std::byte* const block = made(100);
  drop(block);
  EXPECT_DEATH((void)engine_.deallocate(block, 100), double_free);
}

TEST_F(EngineDeath, ASizeThatNoLargeBlockCanHaveHadIsNamed) {
  for (const std::size_t size : {40 * KiB, MiB, 64 * MiB}) {
    std::byte* const block = made(size);
    EXPECT_DEATH((void)engine_.deallocate(block, size / 2), "^basalt: invalid size in free_sized: 0x")
        << size;
    drop(block);
  }
}

// However its address is aligned: plain new was asked for no alignment.
TEST_F(EngineDeath, ASizeOfAnotherClassThanThatOfPlainNewIsNamed) {
  for (const auto& [size, wrong] :
       {std::pair{std::size_t{1024}, std::size_t{512}}, {1024, 17}, {4096, 100}, {512, 400}, {48, 480}}) {
    for (const Origin origin : {Origin::new_object, Origin::new_array}) {
      std::byte* const block = made(size);
      EXPECT_DEATH((void)engine_.deallocate(block, wrong, origin), "^basalt: invalid size in free_sized: 0x")
          << size << " as " << wrong;
      EXPECT_TRUE(engine_.deallocate(block, size, origin));
    }
  }
}

TEST_F(EngineDeath, DoubleFreeWithAnotherInBetweenIsNamedAtOnce) {
  std::byte* const block = made(100);
  std::byte* const other = made(100);
  drop(block);
  drop(other);
  EXPECT_DEATH(drop(block), double_free);
  EXPECT_DEATH((void)engine_.deallocate(block, 100), double_free);
}

// Another thread gives a block back twice; when it does so for the second time, nobody owns the span any more.
TEST_F(EngineDeath, DoubleFreeByAnotherThreadIsNamedWhenTheSpanIsGone) {
  const auto crime = [this] {
    std::byte* const block = made(20'000);
    std::atomic<int> step{0};
    std::thread other{[&] {
      Thread::forget();
      (void)made(100);
      drop(block), flush();
      drop(block);
      step = 1, step.notify_all(), step.wait(1);
      flush();
    }};
    step.wait(0);
    flush(), flush();
    step = 2, step.notify_all();
    other.join();
  };
  EXPECT_DEATH(crime(), double_free);
}

// The block is in its owner's bin, and another thread gives it back as well; when the bin is emptied, a large block lies where the
// span was.
TEST_F(EngineDeath, DoubleFreeIsNamedWhenTheSpanHasBecomeALargeBlock) {
  const auto crime = [this] {
    std::byte* blocks[64];
    for (std::byte*& block : blocks) block = made(20'000);
    for (std::byte*& block : blocks) {
      if (&block != &blocks[37]) drop(block);
    }
    flush();
    drop(blocks[37]);
    elsewhere([&] {
      Thread::forget();
      drop(blocks[37]), flush();
    });
    for (std::size_t i = 0; i < 64; ++i) (void)made(49'152 + 16'384 * (i % 3));
    flush();
  };
  EXPECT_DEATH(crime(), double_free);
}

TEST_F(EngineDeath, DoubleFreeIsNamedWhenTheBinIsEmptied) {
  std::byte* const block = made(100);
  std::byte* const others[] = {made(100), made(100)};
  drop(block);
  for (std::byte* const other : others) drop(other);
  drop(block);
  EXPECT_DEATH(flush(), double_free);
}

TEST_F(EngineDeath, DoubleFreeIsNamedWhenTheBinOverflows) {
  std::byte* const blocks[] = {made(100), made(100), made(100)};
  EXPECT_DEATH(for (int i = 0; i < 10'000; ++i) drop(blocks[i % 3]), double_free);
}

TEST_F(EngineDeath, DoubleFreeByAnotherThread) {
  std::byte* const block = made(100);
  EXPECT_DEATH(elsewhere([&] { drop(block), drop(block); }), double_free);
}

TEST_F(EngineDeath, DoubleFreeByTwoOtherThreads) {
  std::byte* const block = made(100);
  elsewhere([&] { drop(block); });
  EXPECT_DEATH(elsewhere([&] { drop(block); }), double_free);
}

TEST_F(EngineDeath, DoubleFreeByOwnerAndAnotherThread) {
  std::byte* const block = made(100);
  std::byte* const other = made(100);  // so that the span stays
  drop(block);
  flush();
  elsewhere([&] { drop(block); });
  EXPECT_DEATH(flush(), double_free);
  (void)other;
}

// Two threads have read the same entry of the map; it can be claimed once.
TEST_F(EngineDeath, DoubleFreeOfALargeOrHugeBlockByTwoThreads) {
  for (const std::size_t size : {100 * KiB, 10 * MiB}) {
    engine::Space<RawOs> space;
    engine::LargeBlocks<RawOs> large{space};
    void* const block = large.allocate(size, 16);
    const std::size_t slice = space.window().slice_of(block);
    const engine::MapEntry seen_by_both = space.window().entry(slice);
    EXPECT_TRUE(large.free(block, slice, seen_by_both));
    EXPECT_DEATH((void)large.free(block, slice, seen_by_both), double_free);
  }
}

// Nothing is left of such a block that could say more: it is not ours any more, and the door says so.

TEST_F(EngineDeath, InsideASmallBlock) {
  std::byte* const block = made(100);
  EXPECT_DEATH(
      (drop(block + 16), flush()),
      "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a block; it lies in a block of "
      "112 bytes" +
          test::report_goes_on);
  EXPECT_DEATH((drop(block + 1), flush()),
               "is not the beginning of a block; it lies in a block of 112 bytes" + test::report_goes_on);
  EXPECT_DEATH(elsewhere([&] { drop(block + 16); }),
               "is not the beginning of a block; it lies in a block of 112 bytes" + test::report_goes_on);
}

TEST_F(EngineDeath, InTheRestBehindTheLastSlotOfASpan) {
  std::byte* const block = made(112);
  const std::size_t span = engine::span_slices(engine::class_of(112)) * engine::slice_bytes;
  std::byte* const end = align_down(block, span) + span;
  ASSERT_NE(span % 112, 0U);
  EXPECT_DEATH((drop(end - span % 112), flush()),
               "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning");
}

TEST_F(EngineDeath, InsideALargeBlock) {
  std::byte* const block = made(100 * KiB);
  EXPECT_DEATH(drop(block + 16), inside_large);
  EXPECT_DEATH(drop(block + 64 * KiB), inside_large);
}

// Nothing of the block must be kept under another beginning, nor grow from there.
TEST_F(EngineDeath, ReallocInsideALargeOrHugeBlock) {
  for (const std::size_t size : {40 * KiB, MiB, 10 * MiB}) {
    std::byte* const block = made(size);
    for (const std::size_t offset : {std::size_t{1}, std::size_t{16}, 16 * KiB})
      for (const std::size_t wish : {std::size_t{100}, size, size + 1, 2 * size})
        EXPECT_DEATH((void)engine_.reallocate(block + offset, wish), inside_large)
            << size << " + " << offset << ", " << wish;
    drop(block);
  }
}

// The same for small ones, whether they would have to move or not.
TEST_F(EngineDeath, ReallocInsideASmallBlock) {
  std::byte* const block = made(112);
  for (const std::size_t offset : {std::size_t{1}, std::size_t{16}})
    for (const std::size_t wish : {std::size_t{10}, std::size_t{112}, std::size_t{200}})
      EXPECT_DEATH((void)engine_.reallocate(block + offset, wish),
                   "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning")
          << offset << ", " << wish;
  drop(block);
}

TEST_F(EngineDeath, ReallocOfWhatAnotherThreadHasFreed) {
  std::byte* const block = made(112);
  EXPECT_DEATH(
      (std::thread{[&] { drop(block), engine_.park(); }}.join(), (void)engine_.reallocate(block, 112)),
      double_free);
  drop(block);
}

TEST_F(EngineDeath, InsideAHugeBlock) {
  std::byte* const block = made(10 * MiB);
  EXPECT_DEATH(drop(block + 16), inside_large);
  EXPECT_DEATH(drop(block + 64 * KiB), inside_large);
  EXPECT_DEATH(drop(block + 10 * MiB - 16), inside_large);
}

// Nothing in the map tells a slice of such a block from one that nobody has.
TEST_F(EngineDeath, TwiceOfALargeOrHugeBlockWithNothingInBetween) {
  for (const std::size_t size : {100 * KiB, 10 * MiB}) {
    std::byte* const block = made(size);
    drop(block);
    EXPECT_DEATH(drop(block), double_free);
    EXPECT_DEATH(drop(block + size / 2), double_free);
  }
}

TEST_F(EngineDeath, InMemoryThatNobodyHasYet) {
  std::byte* const block = made(100 * KiB);
  EXPECT_DEATH(drop(block + MiB), double_free);
}

TEST_F(EngineDeath, WhereAHugeBlockWasThatTheSystemHasAgainIsForeign) {
  std::byte* const block = made(300 * MiB);  // more than is ever kept
  drop(block);
  EXPECT_FALSE(engine_.deallocate(block));
  EXPECT_FALSE(engine_.deallocate(block + 200 * MiB));
}

TEST_F(EngineDeath, WildPointersAreNotTouched) {
  drop(made(1));
  int on_the_stack = 0;
  for (const std::uintptr_t wild :
       {std::uintptr_t{0}, std::uintptr_t{1}, std::uintptr_t{4096}, address_of(&on_the_stack),
        std::uintptr_t{0xdead'beef'dead'beef}, ~std::uintptr_t{0}}) {
    EXPECT_FALSE(engine_.owns(reinterpret_cast<void*>(wild)));
    EXPECT_FALSE(engine_.deallocate(reinterpret_cast<void*>(wild)));
  }
}

}  // namespace
}  // namespace basalt
