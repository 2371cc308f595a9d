// The sentences of the small kitchen: each is what a faulty program reads last.
#include <gtest/gtest.h>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

class BasicDeathTest : public testing::Test {
 protected:
  std::byte* allocate(std::size_t size) { return heap_.allocate({size}).value; }
  RawAlloc<ToyHeap<>> heap_;
};

TEST_F(BasicDeathTest, AFreeBlockThatIsAbandonedIsCaughtInADebugBuild) {
#ifdef NDEBUG
  GTEST_SKIP() << "not a debug build";
#else
  alignas(16) static std::byte memory[64];
  EXPECT_DEATH((void)FreeBlock::over({memory, 64}), "basalt: a free block was abandoned");
#endif
}

TEST_F(BasicDeathTest, ADoubleFreeIsNamed) {
  std::byte* const first = allocate(64);
  std::byte* const second = allocate(64);
  std::byte* const third = allocate(64);
  (void)allocate(64);
  for (std::byte* block : {first, third}) heap_.deallocate(block, 64);
  const char* const sentence =
      "^basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps the free block 0x[0-9a-f]+ of 64 "
      "bytes\n$";
  EXPECT_DEATH(heap_.deallocate(first, 64), sentence);
  EXPECT_DEATH(heap_.deallocate(third, 64), sentence);
  heap_.deallocate(second, 64);
  EXPECT_DEATH(heap_.deallocate(second, 64), "double free.*overlaps the free block 0x[0-9a-f]+ of 192 bytes");
  EXPECT_DEATH(heap_.deallocate(second + 32, 8), "double free") << "in the middle of a merged block";
}

TEST_F(BasicDeathTest, AFreedBlockCannotBeReallocated) {
  std::byte* const block = allocate(64);
  (void)allocate(64);
  heap_.deallocate(block, 64);
  EXPECT_DEATH((void)heap_.reallocate(block, 64, {32}), "^basalt: double free: the block");
  EXPECT_DEATH((void)heap_.reallocate(block, 64, {640}), "^basalt: double free: the block");
}

TEST_F(BasicDeathTest, AFreedBlockCannotGrowInsideTheFreeBlockItIsPartOf) {
  std::byte* const block = allocate(64);
  std::byte* const follower = allocate(128);
  (void)allocate(64);
  heap_.deallocate(block, 64);
  heap_.deallocate(follower, 128);
  EXPECT_DEATH((void)heap_.reallocate(block, 64, {96}), "^basalt: double free: the block");
}

TEST_F(BasicDeathTest, AForeignBlockIsNamed) {
  alignas(16) static std::byte elsewhere[64];
  std::byte* const block = allocate(64);
  EXPECT_DEATH(heap_.deallocate(elsewhere, 64),
               "^basalt: invalid free: the block 0x[0-9a-f]+ of 64 bytes does not belong");
  EXPECT_DEATH(heap_.deallocate(block, 128 * KiB), "does not belong to this heap")
      << "a size beyond the heap";
}

TEST_F(BasicDeathTest, WhatCanBeNoBlockIsNamed) {
  std::byte* const block = allocate(64);
  EXPECT_DEATH(heap_.deallocate(block + 1, 16), "^basalt: invalid free: 0x[0-9a-f]+ is not a multiple of 8");
  EXPECT_DEATH(heap_.deallocate(nullptr, 16), "^basalt: invalid free: 0x0 ");
  EXPECT_DEATH(heap_.deallocate(block, SIZE_MAX), "^basalt: invalid free: the block 0x[0-9a-f]+ cannot have");
  EXPECT_DEATH(heap_.deallocate(block, max_request + 1), "cannot have");
}

TEST_F(BasicDeathTest, AWildNextPointerIsNamedBeforeItIsFollowed) {
  RawAlloc<MmapGrower<RawOs>> heap;
  std::byte* blocks[6];
  for (std::byte*& block : blocks) block = heap.allocate({64}).value;
  for (const int i : {0, 2, 4})
    heap.deallocate(blocks[i], 64);  // they lie from high to low, but for the first
  const char* const sentence =
      "^basalt: corrupted free list: the free block 0x[0-9a-f]+ of [0-9]+ bytes cannot be followed by "
      "0x[0-9a-f]+; "
      "something wrote to memory that it had freed\n$";
  const auto write = [&](std::uintptr_t next, std::size_t size) {
    *reinterpret_cast<FreeHeader*>(blocks[4]) = {reinterpret_cast<FreeHeader*>(next), size};
  };
  write(0x7478'6574'2121'2121U, 64);  // text
  EXPECT_DEATH((void)heap.allocate({8000}), sentence);
  write(address_of(blocks[0]), 64);  // round in a circle
  EXPECT_DEATH((void)heap.allocate({8000}), sentence);
  EXPECT_DEATH(heap.deallocate(blocks[1], 64), sentence);
}

}  // namespace
}  // namespace basalt
