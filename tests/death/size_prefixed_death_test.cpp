// What a program reads that frees by pointer what it should not.
#include <gtest/gtest.h>

#include <cstring>

#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"

namespace basalt {
namespace {

class SizePrefixedDeathTest : public testing::Test {
 protected:
  std::byte* allocate(std::size_t size) { return static_cast<std::byte*>(heap_.allocate(size, 16)); }
  SizePrefixed<UnixAllocator> heap_;
};

TEST_F(SizePrefixedDeathTest, ADoubleFreeIsNamedHoweverItMergedSince) {
  std::byte* const low = allocate(64);
  std::byte* const middle = allocate(64);
  std::byte* const high = allocate(64);
  (void)allocate(64);
  const char* const sentence = "^basalt: invalid pointer in free: 0x[0-9a-f]+ is free already\n$";
  EXPECT_TRUE(heap_.deallocate(middle));
  EXPECT_DEATH((void)heap_.deallocate(middle), sentence);
  EXPECT_TRUE(heap_.deallocate(low));
  EXPECT_TRUE(heap_.deallocate(high));
  for (std::byte* const block : {low, middle, high}) EXPECT_DEATH((void)heap_.deallocate(block), sentence);
}

TEST_F(SizePrefixedDeathTest, APointerIntoABlockIsNamed) {
  std::byte* const block = allocate(256);
  std::memset(block, 0, 256);
  for (const int inside : {16, 64, 240}) {
    EXPECT_DEATH((void)heap_.deallocate(block + inside),
                 "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a live block\n$");
  }
  EXPECT_DEATH((void)heap_.deallocate(block + 8), "is not a multiple of 16, so no block begins there");
}

TEST_F(SizePrefixedDeathTest, AnOverrunOfTheBlockBeforeIsNamed) {
  (void)allocate(8);  // the beginning of the growth; what follows is cut from the end of the rest
  std::byte* const upper = allocate(8);
  std::byte* const lower = allocate(8);
  ASSERT_EQ(upper - lower, 16) << "or the bytes written below are somebody else's";
  std::memset(lower, 0x41, 16);  // eight too many: the upper one's prefix
  EXPECT_DEATH((void)heap_.deallocate(upper), "is not the beginning of a live block");
}

TEST_F(SizePrefixedDeathTest, ACopiedPrefixIsNotTaken) {
  std::byte* const block = allocate(64);
  std::memcpy(block + 8, block - 8, 8);
  EXPECT_DEATH((void)heap_.deallocate(block + 16), "is not the beginning of a live block");
}

TEST_F(SizePrefixedDeathTest, TheCallerIsNamed) {
  std::byte* const block = allocate(64);
  EXPECT_TRUE(heap_.deallocate(block));
  EXPECT_DEATH((void)heap_.reallocate(block, 8), "invalid pointer in realloc: .* is free already");
  EXPECT_DEATH((void)heap_.usable_size(block), "invalid pointer in malloc_usable_size: .* is free already");
  EXPECT_DEATH((void)heap_.deallocate(block, 64), "invalid pointer in free_sized: .* is free already");
}

TEST_F(SizePrefixedDeathTest, AWrongSizeIsNamed) {
  std::byte* const block = allocate(64);
  for (const std::size_t wrong : {std::size_t{0}, std::size_t{56}, std::size_t{65}, SIZE_MAX}) {
    EXPECT_DEATH((void)heap_.deallocate(block, wrong),
                 "^basalt: invalid size in free_sized: 0x[0-9a-f]+ has 64 usable bytes and cannot have been "
                 "asked for with [0-9]+\n$");
  }
  EXPECT_TRUE(heap_.deallocate(block, 64));
}

// A heap that writes nothing into what is freed, as one does that keeps its list elsewhere.
class Untouched {
 public:
  [[nodiscard]] Result<std::byte*> allocate(Layout) { return {memory_ + 8, no_error}; }
  void deallocate(std::byte*, std::size_t) {}
  [[nodiscard]] bool owns(Range) const { return true; }
  [[nodiscard]] bool is_free(const std::byte*) const { return false; }

 private:
  alignas(16) std::byte memory_[64]{};
};

TEST(SealDeathTest, IsBrokenByTheFreeAndNotByWhatTheListWritesThere) {
  SizePrefixed<Untouched> heap;
  void* const block = heap.allocate(24, 16);
  EXPECT_TRUE(heap.deallocate(block));
  EXPECT_DEATH((void)heap.deallocate(block), "is free already");
}

}  // namespace
}  // namespace basalt
