#include "basic/size_prefixed.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "source/fixed_buffer.hpp"

namespace basalt {
namespace {

struct NoLock {
  void lock() {}
  void unlock() {}
};

class SizePrefixedTest : public testing::Test {
 protected:
  std::byte* allocate(std::size_t size, std::size_t alignment = 1) {
    return static_cast<std::byte*>(heap_.allocate(size, alignment));
  }
  std::size_t live() { return heap_.stats().live_bytes; }
  void TearDown() override {
    EXPECT_EQ(heap_.broken_law(), nullptr);
    EXPECT_TRUE(heap_.stats().conserved());
  }

  SizePrefixed<Locked<RawAlloc<ToyHeap<>>, NoLock>> heap_;
};

static_assert(ChecksSizes<SizePrefixed<Locked<RawAlloc<ToyHeap<>>, NoLock>>>);

TEST_F(SizePrefixedTest, CostsEightBytesAndNoMore) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const std::size_t before = live();
    std::byte* const block = allocate(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(live() - before, std::max<std::size_t>(16, align_up(size + 8, 8))) << size;
    EXPECT_EQ(heap_.usable_size(block), live() - before - 8) << size;
    EXPECT_TRUE(is_aligned(block, 16));
  }
}

TEST_F(SizePrefixedTest, EightBytesCostSixteen) {
  ASSERT_NE(allocate(8), nullptr);
  EXPECT_EQ(live(), 16u);
}

TEST_F(SizePrefixedTest, HonoursEveryAlignment) {
  for (std::size_t alignment = 1; alignment <= 16 * KiB; alignment *= 2) {
    std::byte* const block = allocate(100, alignment);
    ASSERT_NE(block, nullptr) << alignment;
    EXPECT_TRUE(is_aligned(block, std::max<std::size_t>(16, alignment)));
    std::memset(block, 0xFF, heap_.usable_size(block));
    EXPECT_TRUE(heap_.deallocate(block));
  }
  EXPECT_EQ(live(), 0u);
}

TEST_F(SizePrefixedTest, TakesBackByPointerAlone) {
  std::byte* blocks[20];
  for (std::size_t i = 0; i < 20; ++i) blocks[i] = allocate(i * 13);
  for (std::byte* const block : blocks) EXPECT_TRUE(heap_.deallocate(block));
  EXPECT_EQ(live(), 0u);
}

TEST_F(SizePrefixedTest, DisownsWhatIsNotItsOwnWithoutLooking) {
  alignas(16) static std::byte elsewhere[64];
  EXPECT_FALSE(heap_.deallocate(elsewhere + 16));
  EXPECT_FALSE(heap_.deallocate(elsewhere + 16, 8));
  for (const std::uintptr_t wild :
       {std::uintptr_t{0}, std::uintptr_t{1}, std::uintptr_t{8}, std::uintptr_t{16},
        std::uintptr_t{0x4141'4141'4141'4140}, UINTPTR_MAX - 15, UINTPTR_MAX}) {
    EXPECT_FALSE(heap_.owns(reinterpret_cast<void*>(wild))) << wild;
    EXPECT_FALSE(heap_.deallocate(reinterpret_cast<void*>(wild))) << wild;
  }
}

TEST_F(SizePrefixedTest, TakesTheSizesThatCouldHaveBeenAskedFor) {
  for (const std::size_t asked : {0u, 1u, 8u}) EXPECT_TRUE(heap_.deallocate(allocate(8), asked));
  for (const std::size_t asked : {17u, 24u}) EXPECT_TRUE(heap_.deallocate(allocate(20), asked));
}

TEST_F(SizePrefixedTest, ResizesWithContentsAndAlignment) {
  std::byte* block = allocate(10);
  std::memset(block, 0x5A, 10);
  (void)allocate(10);  // in the way of growth in place
  for (const std::size_t size : {11u, 200u, 3000u, 16u, 10u}) {
    block = static_cast<std::byte*>(heap_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, 16));
    EXPECT_GE(heap_.usable_size(block), size);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(block[i], std::byte{0x5A});
  }
}

TEST_F(SizePrefixedTest, AResizeWithinTheSameBlockChangesNothing) {
  std::byte* const block = allocate(100);
  for (const std::size_t size : {97u, 100u, 104u}) EXPECT_EQ(heap_.reallocate(block, size), block);
  EXPECT_EQ(heap_.usable_size(block), 104u);
}

TEST_F(SizePrefixedTest, ARefusedResizeLeavesTheBlockSealed) {
  std::byte* const block = allocate(100);
  std::memset(block, 0x5A, 100);
  for (const std::size_t size : {1 * MiB, max_request, SIZE_MAX - 8, SIZE_MAX}) {
    EXPECT_EQ(heap_.reallocate(block, size), nullptr) << size;
    EXPECT_EQ(heap_.usable_size(block), 104u);
  }
  EXPECT_EQ(block[99], std::byte{0x5A});
  EXPECT_TRUE(heap_.deallocate(block));
}

TEST_F(SizePrefixedTest, RefusesWhatCannotBe) {
  for (const std::size_t size : {max_request - 7, max_request, SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX})
    EXPECT_EQ(allocate(size), nullptr) << size;
  for (const std::size_t alignment : {std::size_t{24}, 2 * GiB, SIZE_MAX})
    EXPECT_EQ(allocate(8, alignment), nullptr);
  EXPECT_EQ(heap_.stats().grown_bytes, 0u);
}

}  // namespace
}  // namespace basalt
