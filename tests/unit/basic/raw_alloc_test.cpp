#include "basic/raw_alloc.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "source/fixed_buffer.hpp"

namespace basalt {
namespace {

class RawAllocOnToyHeap : public testing::Test {
 protected:
  std::byte* allocate(std::size_t size, std::size_t alignment = 8) {
    return heap_.allocate({size, alignment}).value;
  }
  void expect_sound() {
    EXPECT_EQ(heap_.validate().broken(), Law::none) << name(heap_.validate().broken());
    EXPECT_TRUE(heap_.stats().conserved());
  }

  RawAlloc<ToyHeap<>> heap_;
};

// The seed's reference run, address by address.
TEST_F(RawAllocOnToyHeap, RepeatsTheReferenceRun) {
  std::byte* const first = allocate(64);
  std::byte* const second = allocate(64);
  std::byte* const third = allocate(224);
  EXPECT_EQ(second, first + 64);
  EXPECT_EQ(third, second + 64);
  EXPECT_EQ(heap_.grower().pages_used(), 1u + 1u + 4u);

  heap_.deallocate(second, 64);
  std::byte* const fourth = allocate(112);
  EXPECT_EQ(fourth, third + 256) << "fresh growth: the freed block is too small";
  EXPECT_EQ(heap_.grower().pages_used(), 8u);

  EXPECT_EQ(allocate(32), second + 32) << "the second half of the freed block";
  EXPECT_EQ(allocate(16), second + 16);
  EXPECT_EQ(allocate(8), second);
  EXPECT_EQ(heap_.grower().pages_used(), 8u) << "the last three came from the list";
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, ReturnsTheBeginningOfGrowthAndListsTheRest) {
  std::byte* const block = allocate(40);
  const HeapStats stats = heap_.stats();
  EXPECT_EQ(stats.grown_bytes, 64u);
  EXPECT_EQ(stats.free_bytes, 24u);
  EXPECT_FALSE(heap_.is_free(block + 39));
  EXPECT_TRUE(heap_.is_free(block + 40));
}

TEST_F(RawAllocOnToyHeap, RemembersHowLongTheListHasBeen) {
  std::byte* blocks[6];
  for (std::byte*& block : blocks) block = allocate(64);
  for (const int hole : {1, 3, 5}) heap_.deallocate(blocks[hole], 64);
  EXPECT_EQ(heap_.stats().free_blocks, 3u);
  for (const int rest : {0, 2, 4}) heap_.deallocate(blocks[rest], 64);
  EXPECT_EQ(heap_.stats().free_blocks, 1u) << "all of it lies side by side";
  EXPECT_EQ(heap_.stats().peak_free_blocks, 3u);
}

// The place of each is sought from the place of the one before, up or down, merged or taken since.
TEST_F(RawAllocOnToyHeap, FindsThePlaceOfAFreeBlockAfterAnyOther) {
  constexpr int count = 5;
  for (int first = 0; first < count; ++first) {
    for (int second = 0; second < count; ++second) {
      if (second == first) continue;
      std::byte* blocks[count];
      for (std::byte*& block : blocks) block = allocate(64);
      heap_.deallocate(blocks[first], 64);
      std::byte* const again = allocate(64);
      EXPECT_EQ(again, blocks[first]);
      heap_.deallocate(blocks[second], 64);
      heap_.deallocate(again, 64);
      for (int rest = 0; rest < count; ++rest) {
        if (rest != first && rest != second) heap_.deallocate(blocks[rest], 64);
      }
      expect_sound();
      EXPECT_EQ(heap_.stats().free_blocks, 1u) << first << ", " << second;
    }
  }
}

TEST_F(RawAllocOnToyHeap, AGrowthThatWouldLeaveALoneGranuleIsNotLost) {
  EXPECT_NE(allocate(56), nullptr);  // of a page of 64: the 8 bytes left over could hold no header
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, SmallSizesTakeSixteenBytes) {
  for (const std::size_t size : {0u, 1u, 8u, 9u, 16u}) {
    const std::size_t before = heap_.stats().live_bytes;
    EXPECT_NE(allocate(size), nullptr);
    EXPECT_EQ(heap_.stats().live_bytes - before, 16u) << size;
  }
}

TEST_F(RawAllocOnToyHeap, SizesAreRoundedToEightOnly) {
  EXPECT_NE(allocate(24), nullptr);
  EXPECT_EQ(heap_.stats().live_bytes, 24u);
}

TEST_F(RawAllocOnToyHeap, HonoursEveryAlignmentThatFits) {
  for (std::size_t alignment = 1; alignment <= 32 * KiB; alignment *= 2) {
    for (const std::size_t size : {1u, 17u, 100u}) {
      std::byte* const block = allocate(size, alignment);
      ASSERT_NE(block, nullptr) << alignment;
      EXPECT_TRUE(is_aligned(block, alignment)) << alignment;
      expect_sound();
      heap_.deallocate(block, size);
    }
  }
  EXPECT_EQ(heap_.stats().live_bytes, 0u);
}

TEST_F(RawAllocOnToyHeap, AlignsAtAnOffset) {
  const Result<std::byte*> block = heap_.allocate({100, 64, 8});
  ASSERT_TRUE(block.ok());
  EXPECT_TRUE(is_aligned(block.value + 8, 64));
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, RefusesWhatIsNoLayout) {
  EXPECT_EQ(heap_.allocate({8, 3}).error, invalid_argument);
  EXPECT_EQ(heap_.allocate({8, 0}).error, invalid_argument);
  EXPECT_EQ(heap_.allocate({8, 2 * GiB}).error, invalid_argument);
  EXPECT_EQ(heap_.allocate({8, 16, 16}).error, invalid_argument);
  EXPECT_EQ(heap_.allocate({max_request + 1}).error, out_of_memory);
  EXPECT_EQ(heap_.allocate({SIZE_MAX}).error, out_of_memory);
  EXPECT_EQ(heap_.stats().grown_bytes, 0u);
}

TEST_F(RawAllocOnToyHeap, IsAsItWasAfterARefusal) {
  std::byte* const block = allocate(100);
  const HeapStats before = heap_.stats();
  EXPECT_EQ(heap_.allocate({1 * MiB}).error, out_of_memory);
  EXPECT_EQ(heap_.reallocate(block, 100, {1 * MiB}).error, out_of_memory);
  EXPECT_EQ(heap_.stats().live_bytes, before.live_bytes);
  EXPECT_EQ(heap_.stats().free_bytes, before.free_bytes);
  EXPECT_NE(allocate(1000), nullptr);
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, ReallocationShrinksInPlaceAndListsTheTail) {
  std::byte* const block = allocate(256);
  EXPECT_EQ(heap_.reallocate(block, 256, {64}).value, block);
  EXPECT_EQ(heap_.stats().live_bytes, 64u);
  EXPECT_TRUE(heap_.is_free(block + 64));
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, ReallocationTakesTheFreeBlockThatFollows) {
  std::byte* const block = allocate(64);
  std::byte* const follower = allocate(64);
  (void)allocate(64);
  heap_.deallocate(follower, 64);
  const std::size_t grown = heap_.stats().grown_bytes;
  EXPECT_EQ(heap_.reallocate(block, 64, {96}).value, block);
  EXPECT_EQ(heap_.stats().grown_bytes, grown);
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, ReallocationExtendsTheHeapUnderItsLastBlock) {
  std::byte* const block = allocate(64);
  EXPECT_EQ(heap_.reallocate(block, 64, {1000}).value, block);
  EXPECT_EQ(heap_.stats().grown_bytes, 1024u) << "never old and new side by side when in place will do";
  expect_sound();
}

TEST_F(RawAllocOnToyHeap, ReallocationCopiesWhenNothingElseIsLeft) {
  std::byte* const block = allocate(64);
  (void)allocate(64);
  for (int i = 0; i < 64; ++i) block[i] = static_cast<std::byte>(i);
  std::byte* const moved = heap_.reallocate(block, 64, {128}).value;
  ASSERT_NE(moved, block);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(moved[i], static_cast<std::byte>(i));
  EXPECT_TRUE(heap_.is_free(block));
  expect_sound();
}

// Buffers from nothing up to where the first block fits: each is a refusal until then, and a heap from then on.
TEST(RawAllocOnAFixedBuffer, IsRefusedByABufferTooSmallForOneBlock) {
  alignas(16) std::byte buffer[96];
  for (std::size_t shift = 0; shift < 16; ++shift) {
    for (std::size_t bytes = 0; bytes + shift <= sizeof buffer; ++bytes) {
      RawAlloc<FixedBuffer<16>> heap{buffer + shift, bytes};
      const std::size_t lost = (16 - shift) % 16;  // before the first whole page
      const bool fits = bytes >= lost + 32;
      const Result<std::byte*> block = heap.allocate({32});
      ASSERT_EQ(block.ok(), fits) << bytes << " bytes from " << shift;
      ASSERT_EQ(block.error, fits ? no_error : out_of_memory);
      if (fits) heap.deallocate(block.value, 32);
      ASSERT_TRUE(heap.stats().conserved());
      ASSERT_EQ(heap.stats().live_bytes, 0u);
      ASSERT_TRUE(heap.validate().valid());
    }
  }
}

}  // namespace
}  // namespace basalt
