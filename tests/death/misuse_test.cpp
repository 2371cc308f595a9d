// What a program may not do with a pointer, and the sentence with which it ends. The sentences are part of the
// interface: docs/reference/messages.md lists them.
#include <basalt/basalt.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>

#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "source/fixed_buffer.hpp"

namespace {

using namespace basalt;

std::string invalid_in(const char* caller, const char* why) {
  std::string sentence = "^basalt: invalid pointer in ";
  sentence.append(caller).append(": 0x[0-9a-f]+ ").append(why).append("\n");
  return sentence;
}

constexpr const char* free_already = "is free already";
constexpr const char* not_live = "is not the beginning of a live block";
constexpr const char* not_ours = "was not allocated here";
constexpr const char* misaligned = "is not a multiple of 16, so no block begins there";

// What a freed block of so many bytes is called. Whole pages may have gone back to the system, with what lay beside them:
// then nothing is known of them any more.
const char* after_free(std::size_t size) {
  return size < GiveBackByDefault::threshold ? free_already : "(is free already|was not allocated here)";
}

// Every crime through the doors is tried at several sizes.
class Misuse : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static char* block() { return static_cast<char*>(basalt_malloc(GetParam())); }
};

INSTANTIATE_TEST_SUITE_P(Sizes, Misuse, ::testing::Values(16, 100, 1024, 40 * KiB, 1 * MiB));

TEST_P(Misuse, DoubleFreeAtOnce) {
  EXPECT_DEATH(
      {
        char* const p = block();
        void* const fence = basalt_malloc(8);
        basalt_free(p);
        basalt_free(p);
        basalt_free(fence);
      },
      invalid_in("free", free_already));
}

TEST_P(Misuse, DoubleFreeAfterOthersCameAndWent) {
  EXPECT_DEATH(
      {
        char* const p = block();
        std::vector<void*> others;
        for (int i = 0; i < 100; ++i) others.push_back(basalt_malloc(64));
        basalt_free(p);
        for (void* other : others) basalt_free(other);
        basalt_free(p);
      },
      invalid_in("free", after_free(GetParam())));
}

TEST_P(Misuse, DoubleFreeAfterMergingWithBothNeighbours) {
  EXPECT_DEATH(
      {
        char* blocks[3];
        for (char*& each : blocks) each = block();
        for (char* each : {blocks[1], blocks[0], blocks[2]}) basalt_free(each);
        basalt_free(blocks[1]);
      },
      invalid_in("free", after_free(GetParam())));
}

TEST_P(Misuse, DoubleFreeByAnotherThread) {
  EXPECT_DEATH(
      {
        char* const p = block();
        basalt_free(p);
        std::thread{[=] { basalt_free(p); }}.join();
      },
      invalid_in("free", free_already));
}

TEST_P(Misuse, ReallocOfWhatIsFree) {
  EXPECT_DEATH(
      {
        char* const p = block();
        basalt_free(p);
        (void)basalt_realloc(p, 10);
      },
      invalid_in("realloc", free_already));
}

TEST_P(Misuse, UsableSizeOfWhatIsFree) {
  EXPECT_DEATH(
      {
        char* const p = block();
        basalt_free(p);
        (void)basalt_usable_size(p);
      },
      invalid_in("malloc_usable_size", free_already));
}

TEST_P(Misuse, PointerIntoABlock) {
  char* const p = block();
  std::memset(p, 0x11, GetParam());
  if (GetParam() >= 32) {
    EXPECT_DEATH(basalt_free(p + 16), invalid_in("free", not_live));
    EXPECT_DEATH((void)basalt_realloc(p + 16, 1), invalid_in("realloc", not_live));
  }
  EXPECT_DEATH(basalt_free(p + 8), invalid_in("free", misaligned));
  EXPECT_DEATH(basalt_free(p + 1), invalid_in("free", misaligned));
  basalt_free(p);
}

TEST_P(Misuse, WrittenBeforeItsBeginning) {
  EXPECT_DEATH(
      {
        char* const p = block();
        std::memset(p - 4, 'x', 8);
        basalt_free(p);
      },
      invalid_in("free", not_live));
}

// Two blocks side by side, the lower first: memory is cut from the high end of what is free.
struct Neighbours {
  char* low;
  char* high;

  Neighbours() {
    (void)basalt_malloc(40);  // the first of all is cut from fresh memory
    high = static_cast<char*>(basalt_malloc(40));
    low = static_cast<char*>(basalt_malloc(40));
    if (high - low != 48) std::abort();
  }
};

// The beginning of the block that follows is overwritten: that one is no block any more when its turn comes.
TEST(Overflow, IsNoticedAtTheNeighbour) {
  EXPECT_DEATH(
      {
        const Neighbours two;
        std::memset(two.low, 'x', 48);
        basalt_free(two.high);
      },
      invalid_in("free", not_live));
}

TEST(Overflow, OfOneByteIsNoticedAtTheNeighbour) {
  EXPECT_DEATH(
      {
        const Neighbours two;
        two.low[40] = static_cast<char>(two.low[40] ^ 1);
        basalt_free(two.high);
      },
      invalid_in("free", not_live));
}

// The neighbour is free: then it is its header that is hit, and whoever walks the list next says so.
TEST(Overflow, IntoAFreeBlockIsNoticedByWhoeverComesNext) {
  EXPECT_DEATH(
      {
        const Neighbours two;
        (void)basalt_malloc(40);
        basalt_free(two.high);
        std::memset(two.low, 'x', 48);
        (void)basalt_malloc(500000);  // more than there is: the whole list is walked
      },
      "^basalt: corrupted free list: the free block 0x[0-9a-f]+ of [0-9]+ bytes cannot be followed by 0x");
}

TEST(Foreign, WhatWasNotAllocatedHereIsNotFollowed) {
  int on_stack = 0;
  static int in_data = 0;
  auto* const gone = static_cast<char*>(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(::munmap(gone, 4096), 0);
  void* const of_libc = std::malloc(100);
  for (void* p : {static_cast<void*>(&on_stack), static_cast<void*>(&in_data), static_cast<void*>(gone + 64),
                  of_libc, reinterpret_cast<void*>(std::uintptr_t{16}),
                  reinterpret_cast<void*>(std::uintptr_t{0xdead'beef'dead'bee0})}) {
    EXPECT_DEATH(basalt_free(p), invalid_in("free", not_ours));
    EXPECT_DEATH((void)basalt_realloc(p, 10), invalid_in("realloc", not_ours));
    EXPECT_EQ(basalt_usable_size(p), 0u);
    EXPECT_EQ(basalt_owns(p), 0);
  }
  std::free(of_libc);
}

TEST(Foreign, ABlockWhosePagesWentBackIsNoBlockOfOursAnyMore) {
  EXPECT_DEATH(
      {
        void* const p = basalt_malloc(64 * MiB);
        basalt_free(p);
        basalt_free(p);
      },
      invalid_in("free", not_ours));
}

// Callers who give sizes back have no prefix to look at: the list itself notices.
class SizedMisuse : public ::testing::Test {
 protected:
  [[nodiscard]] std::byte* allocate(std::size_t size) { return heap_.allocate({size, 8, 0}).value; }

  RawAlloc<ToyHeap<>> heap_;
};

TEST_F(SizedMisuse, DoubleFree) {
  std::byte* const p = allocate(64);
  heap_.deallocate(p, 64);
  EXPECT_DEATH(
      heap_.deallocate(p, 64),
      "^basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps the free block 0x[0-9a-f]+ of "
      "[0-9]+ bytes\n");
}

TEST_F(SizedMisuse, TooLargeASizeReachesIntoTheNextFreeBlock) {
  std::byte* const p = allocate(64);
  std::byte* const q = allocate(64);
  std::byte* const low = p < q ? p : q;
  heap_.deallocate(p < q ? q : p, 64);
  EXPECT_DEATH(
      heap_.deallocate(low, 72),
      "^basalt: double free: the block 0x[0-9a-f]+ of 72 bytes overlaps the free block 0x[0-9a-f]+ of "
      "[0-9]+ bytes\n");
}

TEST_F(SizedMisuse, PartOfItIsFreeAlready) {
  std::byte* const p = allocate(64);
  heap_.deallocate(p + 32, 32);
  EXPECT_DEATH(heap_.deallocate(p, 64), "^basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps");
}

TEST_F(SizedMisuse, NoBlockBeginsThere) {
  std::byte* const p = allocate(64);
  EXPECT_DEATH(heap_.deallocate(p + 4, 8),
               "^basalt: invalid free: 0x[0-9a-f]+ is not a multiple of 8, so no block begins there\n");
}

TEST_F(SizedMisuse, ABlockOfAnotherHeap) {
  alignas(16) static std::byte elsewhere[64];
  EXPECT_DEATH(heap_.deallocate(elsewhere, 64),
               "^basalt: invalid free: the block 0x[0-9a-f]+ of 64 bytes does not belong to this heap\n");
  std::byte* const p = allocate(64);
  EXPECT_DEATH(
      heap_.deallocate(p, 1 * MiB),
      "^basalt: invalid free: the block 0x[0-9a-f]+ of 1048576 bytes does not belong to this heap\n");
}

}  // namespace
