// A list of free blocks that somebody has written into: it is said which block, instead of following it into nowhere.
#include <gtest/gtest.h>

#include <cstring>

#include "basic/raw_alloc.hpp"
#include "source/fixed_buffer.hpp"

namespace {

using namespace basalt;

constexpr const char* corrupted =
    "^basalt: corrupted free list: the free block 0x[0-9a-f]+ of [0-9]+ bytes cannot be followed by "
    "0x[0-9a-f]+; something wrote to memory that it had freed\n";

// Three free blocks with live ones between them; tests write into the one in the middle.
class Corruption : public ::testing::Test {
 protected:
  void SetUp() override {
    std::byte* blocks[6];
    for (std::byte*& block : blocks) block = heap_.allocate({64, 8, 0}).value;
    for (int i : {0, 2, 4}) heap_.deallocate(blocks[i], 64);
    middle_ = blocks[2];
    ASSERT_TRUE(heap_.validate().valid());
  }

  void write(std::uintptr_t next, std::size_t size) {
    std::memcpy(middle_, &next, sizeof next);
    std::memcpy(middle_ + sizeof next, &size, sizeof size);
  }
  [[nodiscard]] std::uintptr_t place() const { return address_of(middle_); }

  void expect_a_sentence() {
    EXPECT_DEATH((void)heap_.allocate({5000, 8, 0}), corrupted);
    EXPECT_FALSE(heap_.validate().valid());  // and whoever asks first is told
  }

  RawAlloc<ToyHeap<>> heap_;
  std::byte* middle_ = nullptr;
};

TEST_F(Corruption, Text) {
  write(0x4848'4848'4848'4848, 64);  // HHHHHHHH
  expect_a_sentence();
}

TEST_F(Corruption, AFollowerThatIsNoAddress) {
  write(0xdead'beef'dead'bee0, 64);
  expect_a_sentence();
}

TEST_F(Corruption, AFollowerBetweenTheGranules) {
  write(place() + 1004, 64);
  expect_a_sentence();
}

TEST_F(Corruption, AFollowerFurtherDown) {
  write(place() - 256, 64);
  expect_a_sentence();
}

TEST_F(Corruption, ACircle) {
  write(place(), 64);
  expect_a_sentence();
}

TEST_F(Corruption, ASizeBeyondTheFollower) {
  write(place() + 128, 4096);
  expect_a_sentence();
}

// What a write through a stale pointer of malloc's does: the size lies where the block's first bytes were.
TEST_F(Corruption, ASizeThatNoBlockHas) {
  const std::uintptr_t next = address_of(reinterpret_cast<FreeHeader*>(middle_)->next);
  for (const std::uintptr_t follower : {next, std::uintptr_t{0}}) {
    for (const std::size_t size :
         std::initializer_list<std::size_t>{0, 8, 65, SIZE_MAX, SIZE_MAX - 7, 0x4141414141414141u}) {
      write(follower, size);
      EXPECT_DEATH(
          (void)heap_.allocate({5000, 8, 0}),
          "^basalt: corrupted free list: the free block 0x[0-9a-f]+ cannot have [0-9]+ bytes; something "
          "wrote to memory that it had freed\n")
          << size;
    }
  }
}

// Nothing on the way tells such a block from a true last one; the totals do, for whoever asks, and before the heap grows
// for memory that it has.
TEST_F(Corruption, AListCutShortIsNoticedBeforeTheHeapGrows) {
  write(0, 64);
  EXPECT_EQ(heap_.validate().broken(), Law::totals);
  EXPECT_DEATH(
      (void)heap_.allocate({5000, 8, 0}),
      "^basalt: corrupted free list: it is not so that length and total agree with the blocks; something "
      "wrote to memory that it had freed\n");
}

TEST(FreeBlockDeath, WhatIsAbandonedIsNoticedInADebugBuild) {
#if defined(NDEBUG)
  GTEST_SKIP() << "assertions are off in this build";
#else
  EXPECT_DEATH(
      {
        RawAlloc<ToyHeap<>> heap;
        BlockList<> list;
        (void)list.add({heap.allocate({64, 8, 0}).value, 64});
        Claim lost = list.claim(list.head().block()->range());
      },
      "basalt: claimed memory was abandoned: it would be lost");
  alignas(16) static std::byte memory[64];
  EXPECT_DEATH(
      {
        FreeBlock lost = FreeBlock::over({memory, 64});
      },
      "basalt: a free block was abandoned: its memory would be lost");
#endif
}

}  // namespace
