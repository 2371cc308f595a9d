// The lock-free allocator by itself: where its contract is that of RawAlloc, it answers as RawAlloc does.

#include "basic/lock_free_alloc.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "basic/size_prefixed.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

using Toy = LockFreeAlloc<ToyHeap<>>;
using FromOs = LockFreeAlloc<AtLeast<MmapGrower<RawOs>, 256 * KiB>>;

static_assert(Allocator<SizePrefixed<FromOs>>);
static_assert(sizeof(LockFreeNode<StdAtomics>) == 4 * sizeof(void*));
static_assert(alignof(Seat<StdAtomics>) == 64, "two seats on one cache line would slow each other down");

template <class A>
std::byte* take(A& heap, std::size_t size, std::size_t alignment = granule) {
  const Result<std::byte*> block = heap.allocate({size, alignment});
  EXPECT_TRUE(block.ok());
  return block.value;
}

template <class A>
void expect_sound(const A& heap) {
  EXPECT_EQ(heap.validate().broken(), Law::none) << name(heap.validate().broken());
  EXPECT_TRUE(heap.stats().conserved());
}

TEST(LockFreeAlloc, RunsTheReferenceRunOfTheSeed) {
  Toy heap;
  std::byte* const first = take(heap, 64);
  std::byte* const second = take(heap, 64);
  std::byte* const third = take(heap, 224);
  EXPECT_EQ(second, first + 64);
  EXPECT_EQ(third, second + 64);

  heap.deallocate(second, 64);
  EXPECT_GE(address_of(take(heap, 112)), address_of(third + 224)) << "fresh growth";
  EXPECT_EQ(take(heap, 32), second + 32) << "the second half of the freed block";
  EXPECT_EQ(take(heap, 16), second + 16);
  EXPECT_EQ(take(heap, 8), second) << "rounded to 16";
  expect_sound(heap);
}

TEST(LockFreeAlloc, MergesWithBothNeighboursInAnyOrder) {
  std::array<std::size_t, 4> order{0, 1, 2, 3};
  do {
    Toy heap;
    std::byte* const block = take(heap, 256);
    for (const std::size_t i : order) heap.deallocate(block + 64 * i, 64);
    EXPECT_EQ(heap.stats().free_blocks, 1U);
    expect_sound(heap);
    EXPECT_EQ(take(heap, 256), block);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(LockFreeAlloc, HonoursEveryAlignmentAndKeepsBothRemainders) {
  FromOs heap;
  std::vector<Range> blocks;
  for (std::size_t alignment = granule; alignment <= 64 * KiB; alignment *= 2) {
    for (const std::size_t size : {1U, 24U, 100U}) {
      std::byte* const block = take(heap, size, alignment);
      EXPECT_TRUE(is_aligned(block, alignment));
      blocks.push_back({block, size});
      expect_sound(heap);
    }
  }
  for (const Range& block : blocks) heap.deallocate(block.begin, block.size);
  EXPECT_EQ(heap.stats().live_bytes, 0U);
  expect_sound(heap);
}

TEST(LockFreeAlloc, RefusesWhatIsNoLayout) {
  Toy heap;
  EXPECT_EQ(heap.allocate({16, 24}).error, invalid_argument);
  EXPECT_EQ(heap.allocate({max_request + 1}).error, out_of_memory);
  EXPECT_EQ(heap.reallocate(take(heap, 16), 16, {max_request + 1}).error, out_of_memory);
  EXPECT_EQ(heap.allocate({1 * MiB}).error, out_of_memory) << "more than the toy heap has";
  expect_sound(heap);
}

TEST(LockFreeAlloc, ReallocatesInPlaceWhereItCan) {
  Toy heap;
  std::byte* const block = take(heap, 256);
  std::memset(block, 7, 256);
  EXPECT_EQ(heap.reallocate(block, 256, {64}).value, block) << "shrinks";
  EXPECT_TRUE(heap.is_free(block + 64));
  EXPECT_EQ(heap.reallocate(block, 64, {128}).value, block) << "grows into what follows";
  EXPECT_EQ(heap.stats().live_bytes, 128U);
  EXPECT_EQ(heap.reallocate(block, 128, {120}).value, block)
      << "a lone granule goes to the free block behind";
  EXPECT_EQ(heap.stats().live_bytes, 120U);
  expect_sound(heap);

  std::byte* const moved = heap.reallocate(block, 120, {512}).value;
  EXPECT_NE(moved, block);
  EXPECT_EQ(moved[63], std::byte{7});
  EXPECT_TRUE(heap.is_free(block));
  EXPECT_EQ(heap.stats().live_bytes, 512U);
  expect_sound(heap);
}

TEST(LockFreeAlloc, KnowsWhatIsItsOwn) {
  FromOs heap;
  std::byte* const small = take(heap, 64);
  std::byte* const large = take(heap, 1 * MiB);
  int foreign = 0;
  EXPECT_TRUE(heap.owns({small, 64}));
  EXPECT_TRUE(heap.owns({large, 1 * MiB}));
  EXPECT_FALSE(heap.owns({reinterpret_cast<std::byte*>(&foreign), 1}));
  EXPECT_FALSE(heap.owns({nullptr, 1}));
  EXPECT_FALSE(heap.owns({large, GiB}));
  EXPECT_FALSE(heap.is_free(small));
  heap.deallocate(small, 64);
  EXPECT_TRUE(heap.is_free(small));
}

// The buffer has room for two nodes; one of them remembers where the heap is.
TEST(LockFreeAlloc, LosesNothingWhenThereAreNoNodes) {
  alignas(64) std::array<std::byte, 64 + 256> buffer{};
  LockFreeAlloc<FixedBuffer<64>> heap{buffer.data(), buffer.size()};
  std::byte* const whole = take(heap, 256);
  for (std::size_t i = 0; i < 256; i += 64) heap.deallocate(whole + i, 16);
  EXPECT_EQ(heap.stats().free_bytes, 64U);
  EXPECT_EQ(heap.stats().free_blocks, 4U);
  EXPECT_EQ(heap.stats().live_bytes, 192U);
  expect_sound(heap);

  for (std::size_t i = 0; i < 256; i += 64) heap.deallocate(whole + i + 16, 48);
  EXPECT_EQ(heap.stats().live_bytes, 0U);
  EXPECT_EQ(take(heap, 256), whole) << "what waited for a node is found before the heap is said to be full";
  expect_sound(heap);
}

TEST(LockFreeAlloc, GivesPagesBackWhenAskedAndKeepsTheirAddresses) {
  FromOs heap;
  std::byte* const block = take(heap, 1 * MiB);
  std::memset(block, 7, 1 * MiB);
  heap.deallocate(block, 1 * MiB);
  EXPECT_TRUE(heap.trim());
  expect_sound(heap);
  std::byte* const again = take(heap, 1 * MiB);
  EXPECT_EQ(again, block);
  EXPECT_EQ(again[512 * KiB], std::byte{0}) << "the memory went, so it reads as zero";
  EXPECT_FALSE(Toy{}.trim()) << "a grower that cannot decommit";
}

TEST(LockFreeAlloc, UsesNodesAgain) {
  FromOs heap;
  std::byte* const block = take(heap, 64 * KiB);
  std::size_t nodes = 0;
  for (int round = 0; round < 1000; ++round) {
    for (std::size_t i = 0; i < 64 * KiB; i += 512) heap.deallocate(block + i, 256);
    for (std::size_t i = 0; i < 64 * KiB; i += 512) (void)take(heap, 256);
    if (round == 10) nodes = heap.node_bytes();
  }
  EXPECT_EQ(heap.node_bytes(), nodes);
  expect_sound(heap);
}

TEST(LockFreeAlloc, AnswersFreeByPointerAlone) {
  SizePrefixed<FromOs> heap;
  void* const p = heap.allocate(100, 16);
  EXPECT_TRUE(is_aligned(p, 16));
  std::memset(p, 7, 100);
  void* const q = heap.reallocate(p, 10'000);
  EXPECT_EQ(static_cast<char*>(q)[99], 7);
  EXPECT_TRUE(heap.deallocate(q));
  std::array<std::byte, 64> foreign{};
  EXPECT_FALSE(heap.deallocate(foreign.data() + 32));
  EXPECT_EQ(heap.stats().live_bytes, 0U);
}

TEST(LockFreeAlloc, CountsThePeakWhenTheHeapGrows) {
  FromOs heap;
  std::byte* const block = take(heap, 512 * KiB);
  EXPECT_EQ(heap.stats().peak_live_bytes, 512 * KiB);
  heap.deallocate(block, 512 * KiB);
  EXPECT_EQ(heap.stats().peak_live_bytes, 512 * KiB);
  EXPECT_EQ(heap.stats().allocations, 1U);
  EXPECT_EQ(heap.stats().deallocations, 1U);
}

TEST(LockFreeRegions, JoinsNeighboursAndAnswersAcrossThem) {
  struct NoVisit {
    void retire(LockFreeNode<StdAtomics>*) { ++retired; }
    int retired = 0;
  } visit;
  std::array<LockFreeNode<StdAtomics>, 4> nodes;
  std::array<std::byte, 1024> memory{};
  LockFreeRegions<StdAtomics> regions;
  regions.add({memory.data() + 512, 128}, &nodes[0], visit);
  regions.add({memory.data() + 384, 128}, &nodes[1], visit);  // below the newest
  regions.add({memory.data() + 640, 128}, &nodes[2], visit);  // above it
  EXPECT_EQ(visit.retired, 2);
  regions.add({memory.data(), 128}, &nodes[3], visit);
  EXPECT_EQ(visit.retired, 2);
  EXPECT_TRUE(regions.contains({memory.data() + 384, 384}));
  EXPECT_TRUE(regions.contains({memory.data() + 127, 1}));
  EXPECT_FALSE(regions.contains({memory.data() + 127, 2}));
  EXPECT_FALSE(regions.contains({memory.data() + 383, 2}));
  EXPECT_FALSE(regions.contains({memory.data() + 767, 2}));
}

TEST(Seats, MoveOnOneEpochAtATime) {
  Seats<StdAtomics, 2, Backoff> seats;
  Seat<StdAtomics>& first = seats.enter(0);
  const Epoch begun = seats.now();
  EXPECT_EQ(seats.try_advance(), begun + 1);
  EXPECT_EQ(seats.try_advance(), 0U) << "somebody has sat since the epoch before";
  Seat<StdAtomics>& second = seats.enter(0);
  EXPECT_NE(&first, &second);
  EXPECT_EQ(seats.try_advance(), 0U);
  seats.leave(first);
  EXPECT_EQ(seats.try_advance(), begun + 2);
  seats.leave(second);
}

using LockFreeAllocDeath = testing::Test;

TEST(LockFreeAllocDeath, NamesADoubleFree) {
  Toy heap;
  std::byte* const block = take(heap, 64);
  (void)take(heap, 64);
  heap.deallocate(block, 64);
  EXPECT_DEATH(heap.deallocate(block, 64),
               "^basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps the free "
               "block 0x[0-9a-f]+ of 64 bytes\n$");
  EXPECT_DEATH(heap.deallocate(block + 16, 16), "^basalt: double free: ");
}

TEST(LockFreeAllocDeath, NamesWhatIsNotItsOwn) {
  Toy heap;
  std::byte* const block = take(heap, 64);
  alignas(16) std::array<std::byte, 64> foreign{};
  EXPECT_DEATH(heap.deallocate(foreign.data(), 64),
               "^basalt: invalid free: the block 0x[0-9a-f]+ of 64 bytes does not belong to this heap\n$");
  EXPECT_DEATH(heap.deallocate(block + 1, 64),
               "^basalt: invalid free: 0x[0-9a-f]+ is not a multiple of 8, so no block begins there\n$");
}

}  // namespace
}  // namespace basalt
