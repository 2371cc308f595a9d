// Alignment: every power of two up to 1 GiB is honoured, by cutting inside a block with both remainders kept.
#include <gtest/gtest.h>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

// Addresses without memory behind them, but for what is touched: so a GiB costs nothing.
using Heap = RawAlloc<MmapGrower<RawOs>, FirstFit, GiveBackNever>;

TEST(Alignment, EveryPowerOfTwoWithOffsetsAndSizes) {
  Heap heap;
  for (std::size_t alignment = 1; alignment <= GiB; alignment *= 2) {
    for (const std::size_t offset : {std::size_t{0}, std::size_t{8}, alignment / 2, alignment - 1}) {
      if (offset >= alignment || offset % granule != 0) continue;
      for (const std::size_t size : {0u, 1u, 8u, 17u, 4096u, 100'000u}) {
        const Result<std::byte*> block = heap.allocate({size, alignment, offset});
        ASSERT_TRUE(block.ok()) << alignment;
        ASSERT_TRUE(is_aligned(block.value + offset, alignment)) << alignment << " " << offset << " " << size;
        ASSERT_TRUE(heap.stats().conserved()) << "both remainders are kept";
        ASSERT_EQ(heap.stats().live_bytes, block_size(size));
        ASSERT_TRUE(heap.validate().valid());
        heap.deallocate(block.value, size);
      }
    }
  }
  const HeapStats stats = heap.stats();
  EXPECT_EQ(stats.free_bytes, stats.grown_bytes) << "nothing is lost";
}

TEST(Alignment, AnOffsetThatNoGranuleMeetsIsRefused) {
  Heap heap;
  EXPECT_EQ(heap.allocate({64, 64, 4}).error, invalid_argument) << "blocks begin at multiples of 8";
  EXPECT_EQ(heap.stats().grown_bytes, 0u);
}

TEST(Alignment, AsksForNoMoreThanItNeeds) {
  for (std::size_t alignment = 8; alignment <= 4096; alignment *= 2) {
    Heap heap;
    ASSERT_TRUE(heap.allocate({4096, alignment}).ok());
    EXPECT_EQ(heap.stats().grown_bytes, 4096u) << "a page is aligned enough for " << alignment;
  }
  Heap heap;
  ASSERT_TRUE(heap.allocate({256 * KiB - 8, 16, 8}).ok());
  EXPECT_EQ(heap.grower().growths(), 1u) << "room for the offset is asked for at once";
  ASSERT_TRUE(heap.allocate({64 * MiB, 2 * MiB}).ok());
  EXPECT_EQ(heap.grower().growths(), 2u);
  EXPECT_LE(heap.stats().grown_bytes, 67 * MiB) << "not the size twice";
}

}  // namespace
}  // namespace basalt
