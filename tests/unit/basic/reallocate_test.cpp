// Every step of reallocation, each shown to be the one that was taken, and each refused once.
#include <gtest/gtest.h>

#include <cstring>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "source/tracked.hpp"
#include "support/counting_observer.hpp"

namespace basalt {
namespace {

void fill(std::byte* block, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::byte>(i * 7);
}

void expect_filled(const std::byte* block, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], static_cast<std::byte>(i * 7)) << i;
}

template <class Heap>
class Reallocate : public testing::Test {
 protected:
  std::byte* allocate(std::size_t size) {
    std::byte* const block = heap_.allocate({size}).value;
    if (block != nullptr) fill(block, size);
    return block;
  }
  Result<std::byte*> resize(std::byte* block, std::size_t size, std::size_t wanted) {
    const Result<std::byte*> moved = heap_.reallocate(block, size, {wanted});
    expect_filled(moved.ok() ? moved.value : block, std::min(size, moved.ok() ? wanted : size));
    return moved;
  }
  void TearDown() override {
    EXPECT_TRUE(heap_.validate().valid()) << name(heap_.validate().broken());
    EXPECT_TRUE(heap_.stats().conserved());
  }
  Heap heap_;
};

using Toy = RawAlloc<Counting<FailingAt<ToyHeap<>>>, FirstFit, GiveBackNever, test::CountingObserver>;
using OnToyHeap = Reallocate<Toy>;

TEST_F(OnToyHeap, TheSamePlaceForTheSameSize) {
  std::byte* const block = allocate(61);
  const std::size_t searches = heap_.observer().searches;
  EXPECT_EQ(resize(block, 61, 64).value, block) << "both take 64";
  EXPECT_EQ(heap_.observer().searches, searches);
  EXPECT_EQ(heap_.stats().live_bytes, 64u);
}

TEST_F(OnToyHeap, AShrinkGivesItsTailBack) {
  std::byte* const block = allocate(256);
  EXPECT_EQ(resize(block, 256, 40).value, block);
  EXPECT_EQ(heap_.stats().live_bytes, 40u);
  EXPECT_EQ(heap_.stats().free_bytes, 216u);
}

TEST_F(OnToyHeap, AShrinkByAGranuleGivesItToTheFreeBlockThatFollows) {
  std::byte* const block = allocate(96);  // 32 of the second page are free
  EXPECT_EQ(resize(block, 96, 88).value, block);
  EXPECT_EQ(heap_.stats().free_bytes, 40u);
  EXPECT_EQ(heap_.stats().free_blocks, 1u);
}

TEST_F(OnToyHeap, AShrinkByAGranuleThatNobodyCanTakeIsACopy) {
  std::byte* const block = allocate(64);
  (void)allocate(64);
  std::byte* const moved = resize(block, 64, 56).value;
  EXPECT_NE(moved, block);
  EXPECT_TRUE(heap_.is_free(block));
}

TEST_F(OnToyHeap, AGrowthTakesTheFreeBlockThatFollowsOrPartOfIt) {
  std::byte* const block = allocate(64);
  std::byte* const follower = allocate(128);
  (void)allocate(64);
  heap_.deallocate(follower, 128);
  const std::size_t growths = heap_.grower().tally(Duty::grow).calls;
  EXPECT_EQ(resize(block, 64, 96).value, block);
  fill(block, 96);
  EXPECT_EQ(resize(block, 96, 192).value, block) << "all of the rest";
  EXPECT_EQ(heap_.grower().tally(Duty::grow).calls, growths);
  EXPECT_EQ(heap_.grower().tally(Duty::extend).calls, 0u);
  EXPECT_EQ(heap_.stats().free_blocks, 0u);
}

TEST_F(OnToyHeap, AGrowthAtTheEndExtendsTheHeapByWhatIsMissingOnly) {
  std::byte* const block = allocate(96);  // 32 follow
  EXPECT_EQ(resize(block, 96, 1000).value, block);
  EXPECT_EQ(heap_.grower().tally(Duty::extend).calls, 1u);
  EXPECT_EQ(heap_.stats().grown_bytes, 1024u) << "never old and new";
}

TEST_F(OnToyHeap, AnExtensionThatWouldLeaveALoneGranuleIsOnePageMore) {
  std::byte* const block = allocate(64);
  EXPECT_EQ(resize(block, 64, 120).value, block);  // 8 of the second page would be left
  EXPECT_EQ(heap_.stats().grown_bytes, 192u);
}

TEST_F(OnToyHeap, AGrowthThatWouldLeaveALoneGranuleAtTheEndOfTheHeapBringsAPageForIt) {
  std::byte* const block = allocate(96);  // 32 follow
  EXPECT_EQ(resize(block, 96, 120).value, block);
  EXPECT_EQ(heap_.stats().grown_bytes, 192u);
  EXPECT_EQ(heap_.stats().free_bytes, 72u);
}

TEST_F(OnToyHeap, CopiesWhenTheExtensionIsRefused) {
  std::byte* const block = allocate(64);
  heap_.grower().fail_at(Duty::extend, 1);
  std::byte* const moved = resize(block, 64, 128).value;
  EXPECT_NE(moved, block);
  EXPECT_TRUE(heap_.is_free(block));
}

TEST_F(OnToyHeap, IsRefusedWhenTheCopyIsAndThenNothingHasChanged) {
  std::byte* const block = allocate(64);
  const HeapStats before = heap_.stats();
  heap_.grower().fail_at(Duty::extend, 1);
  heap_.grower().fail_at(Duty::grow, 1);
  EXPECT_EQ(resize(block, 64, 1000).error, out_of_memory);
  EXPECT_EQ(heap_.stats().live_bytes, before.live_bytes);
  EXPECT_EQ(heap_.stats().allocations, before.allocations);
}

// Pages that can be moved: sizes that are worth it.
using Pages = RawAlloc<Counting<FailingAt<Tracked<MmapGrower<RawOs>, RawOs>>>, FirstFit,
                       GiveBackAbove<64 * KiB, 64 * KiB>, test::CountingObserver>;

class OnPages : public Reallocate<Pages> {
 protected:
  static constexpr std::size_t large = 256 * KiB;
};

TEST_F(OnPages, LargeGrowthMovesPagesInsteadOfBytes) {
  std::byte* const block = allocate(large);
  const std::size_t before = heap_.stats().grown_bytes;
  const Result<std::byte*> moved = resize(block, large, 4 * large);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(heap_.observer().remaps, 1u);
  EXPECT_EQ(heap_.grower().tally(Duty::grow).calls, 1u);
  EXPECT_EQ(heap_.stats().grown_bytes - heap_.stats().given_back_bytes, 4 * large);
  EXPECT_EQ(heap_.stats().grown_bytes, before + 4 * large);
  heap_.deallocate(moved.value, 4 * large);
}

TEST_F(OnPages, TheFreeEndsOfItsPagesComeAlong) {
  std::byte* const first = allocate(64);
  std::byte* const block = heap_.allocate({large + 100}).value;
  fill(block, large + 100);
  heap_.deallocate(first, 64);
  const Result<std::byte*> moved = resize(block, large + 100, 2 * large);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(heap_.observer().remaps, 1u);
  heap_.deallocate(moved.value, 2 * large);
}

TEST_F(OnPages, CopiesWhenALiveBlockSharesAPage) {
  std::byte* const block = allocate(large + 100);
  std::byte* const neighbour = heap_.allocate({64}).value;
  EXPECT_EQ(align_down(neighbour, 4096), align_down(block + large, 4096)) << "or this test tests nothing";
  const Result<std::byte*> moved = resize(block, large + 100, 4 * large);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(heap_.observer().remaps, 0u);
  heap_.deallocate(moved.value, 4 * large);
}

TEST_F(OnPages, CopiesWhenTheRemappingIsRefused) {
  std::byte* const block = allocate(large + 100);
  heap_.grower().fail_at(Duty::remap, 1);
  const Result<std::byte*> moved = resize(block, large + 100, 4 * large);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(heap_.observer().remaps, 0u);
  heap_.deallocate(moved.value, 4 * large);
}

TEST_F(OnPages, IsAsItWasWhenRemappingAndGrowthAreRefused) {
  std::byte* const block = allocate(large + 100);
  const std::size_t free = heap_.stats().free_bytes;
  heap_.grower().fail_at(Duty::remap, 1);
  heap_.grower().fail_at(Duty::grow, 1);
  EXPECT_EQ(resize(block, large + 100, 8 * GiB * 1024 * 64).error, out_of_memory);
  EXPECT_EQ(heap_.stats().free_bytes, free);
}

// Where the pages go, eight bytes in front would have no free block to belong to: the page before them comes along.
TEST_F(OnPages, ALoneGranuleInFrontIsNotLostWhenThePagesMove) {
  const std::size_t page = heap_.grower().page_size();
  std::byte* const all = allocate(large + page);
  std::byte* const block = all + page + 8;
  const std::size_t size = large - 8;
  heap_.deallocate(all, page + 8);
  fill(block, size);
  const Result<std::byte*> moved = resize(block, size, 64 * large);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(heap_.observer().remaps, 1u);
  EXPECT_TRUE(heap_.stats().conserved());
  heap_.deallocate(moved.value, 64 * large);
}

// Eight bytes at either end of the block's pages are free, but can be no block of their own. They are taken along, and
// must find their way back when the kernel refuses.
TEST_F(OnPages, ALoneGranuleBesideItComesBackWhenTheRemappingIsRefused) {
  const std::size_t page = heap_.grower().page_size();
  const std::size_t whole = large + 2 * page;
  std::byte* const all = allocate(whole);
  std::byte* const block = all + page + 8;  // cut up as a caller may: a sized block can be freed in parts
  const std::size_t size = large - 16;
  heap_.deallocate(all, page + 8);
  heap_.deallocate(block + size, whole - size - page - 8);
  fill(block, size);
  heap_.grower().fail_at(Duty::remap, 1);
  heap_.grower().fail_at(Duty::grow, 1);
  EXPECT_FALSE(resize(block, size, 64 * large).ok());
  expect_filled(block, size);
  EXPECT_EQ(heap_.stats().free_bytes, whole - size);
  EXPECT_EQ(heap_.stats().free_blocks, 2u);
  EXPECT_TRUE(heap_.validate().valid());
}

TEST_F(OnPages, AnAlignmentBeyondThePageIsKept) {
  for (int i = 0; i < 8; ++i) {
    const std::size_t alignment = 64 * KiB;
    std::byte* const block = heap_.allocate({large, alignment}).value;
    ASSERT_NE(block, nullptr);
    const Result<std::byte*> moved = heap_.reallocate(block, large, {4 * large, alignment});
    ASSERT_TRUE(moved.ok());
    EXPECT_TRUE(is_aligned(moved.value, alignment));
  }
}

}  // namespace
}  // namespace basalt
