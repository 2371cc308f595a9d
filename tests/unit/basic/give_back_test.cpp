// Memory back to the operating system: resident memory falls, the list stays valid, and a loop does not pay for it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "source/sbrk_grower.hpp"
#include "support/counting_observer.hpp"

namespace basalt {
namespace {

// Resident memory of this process, in bytes.
std::size_t resident() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  unsigned long total = 0;
  unsigned long pages = 0;
  EXPECT_EQ(std::fscanf(file, "%lu %lu", &total, &pages), 2);
  std::fclose(file);
  return pages * RawOs::page_size();
}

template <class Heap>
class GiveBack : public testing::Test {
 protected:
  std::byte* touched(std::size_t size) {
    std::byte* const block = heap_.allocate({size}).value;
    if (block != nullptr) std::memset(block, 0x5A, size);
    return block;
  }
  void TearDown() override {
    EXPECT_TRUE(heap_.validate().valid());
    EXPECT_TRUE(heap_.stats().conserved());
  }
  Heap heap_;
};

using Pages = Counting<FailingAt<MmapGrower<RawOs>>>;
using ByDefault = GiveBack<RawAlloc<Pages, FirstFit, GiveBackByDefault, test::CountingObserver>>;

TEST_F(ByDefault, ResidentMemoryFalls) {
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 256; ++i) blocks.push_back(touched(256 * KiB));  // 64 MiB
  const std::size_t full = resident();
  for (std::byte* block : blocks) heap_.deallocate(block, 256 * KiB);
  EXPECT_LT(resident() + 60 * MiB, full);
  const HeapStats stats = heap_.stats();
  EXPECT_LE(stats.free_bytes, 1 * MiB + 256 * KiB) << "what is kept, and at most a threshold more";
  EXPECT_GT(stats.given_back_bytes, 60 * MiB);
}

TEST_F(ByDefault, KeepsPartOfABlockAndTheRestIsUsable) {
  std::byte* const block = touched(8 * MiB);
  heap_.deallocate(block, 8 * MiB);
  EXPECT_EQ(heap_.stats().free_bytes, 1 * MiB);
  const std::size_t growths = heap_.observer().growths;
  EXPECT_NE(touched(512 * KiB), nullptr);
  EXPECT_EQ(heap_.observer().growths, growths);
}

TEST_F(ByDefault, ALoopBelowTheLevelMakesNoSystemCall) {
  heap_.deallocate(touched(1 * MiB), 1 * MiB);
  const std::size_t calls = heap_.grower().tally(Duty::grow).calls;
  for (int i = 0; i < 1000; ++i) heap_.deallocate(heap_.allocate({1 * MiB}).value, 1 * MiB);
  EXPECT_EQ(heap_.grower().tally(Duty::grow).calls, calls);
  EXPECT_EQ(heap_.grower().tally(Duty::give_back).calls, 0u);
}

TEST_F(ByDefault, ALoopRoundTheLevelMakesAFew) {
  for (int i = 0; i < 1000; ++i) heap_.deallocate(heap_.allocate({6 * MiB}).value, 6 * MiB);
  EXPECT_LE(heap_.grower().tally(Duty::give_back).calls, 16u)
      << "each time it was sorry it keeps twice as much";
  EXPECT_LE(heap_.grower().tally(Duty::grow).calls, 16u);
}

TEST_F(ByDefault, ALoopOverAListOfFragmentsMakesAFew) {
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(heap_.allocate({128 * KiB}).value);
  for (std::size_t i = 0; i < blocks.size(); i += 2) heap_.deallocate(blocks[i], 128 * KiB);
  const std::size_t before = heap_.grower().tally(Duty::give_back).calls;
  for (int i = 0; i < 1000; ++i) heap_.deallocate(heap_.allocate({512 * KiB}).value, 512 * KiB);
  EXPECT_LE(heap_.grower().tally(Duty::give_back).calls - before, 16u);
}

TEST_F(ByDefault, ARefusalIsAbsorbed) {
  std::byte* const block = touched(8 * MiB);
  heap_.grower().fail_at(Duty::give_back, 1, out_of_memory);
  heap_.deallocate(block, 8 * MiB);
  EXPECT_EQ(heap_.stats().free_bytes, 8 * MiB);
  EXPECT_EQ(heap_.stats().given_back_bytes, 0u);
  EXPECT_EQ(heap_.allocate({8 * MiB}).value, block) << "the pages are there, contents and all";
}

TEST_F(ByDefault, TrimGivesBackEveryWholePage) {
  std::byte* const first = touched(100);
  std::byte* const block = touched(64 * KiB);
  std::byte* const last = touched(100);
  heap_.deallocate(block, 64 * KiB);
  EXPECT_EQ(heap_.stats().given_back_bytes, 0u) << "below the threshold";
  EXPECT_TRUE(heap_.trim());
  EXPECT_GE(heap_.stats().given_back_bytes, 60 * KiB);
  EXPECT_FALSE(heap_.trim()) << "nothing is left to give";
  EXPECT_EQ(first[99], std::byte{0x5A});
  EXPECT_EQ(last[0], std::byte{0x5A});
}

TEST(GiveBackPolicy, KeepsMoreWhenSorryAndLessWhenNot) {
  GiveBackAbove<16, 100> policy;
  EXPECT_EQ(policy.keep(), 100u);
  policy.gave_back(50);
  policy.grew(60);
  EXPECT_EQ(policy.keep(), 100u) << "more was needed than had gone";
  for (int i = 0; i < 3; ++i) policy.gave_back(50), policy.grew(50);
  EXPECT_EQ(policy.keep(), 800u);
  for (int i = 0; i < 8; ++i) policy.gave_back(50);
  EXPECT_EQ(policy.keep(), 100u) << "but never below";
}

// A grower that can decommit and no more: the addresses stay on the list.
using Break = Counting<FailingAt<SbrkGrower<LibcOs>>>;
using ByDecommit = GiveBack<RawAlloc<Break, FirstFit, GiveBackByDefault, test::CountingObserver>>;

TEST_F(ByDecommit, ResidentMemoryFallsAndTheAddressesStay) {
  static_assert(!GivesBack<Break> && Decommits<Break>);
  std::byte* const block = touched(32 * MiB);
  const std::size_t full = resident();
  heap_.deallocate(block, 32 * MiB);
  EXPECT_LT(resident() + 30 * MiB, full);
  EXPECT_EQ(heap_.observer().decommits, 1u);
  EXPECT_EQ(heap_.stats().given_back_bytes, 0u);
  EXPECT_EQ(heap_.allocate({32 * MiB}).value, block);
}

TEST_F(ByDecommit, IsNotAskedAgainBeforeAsMuchHasBeenFreed) {
  heap_.deallocate(touched(8 * MiB), 8 * MiB);
  for (int i = 0; i < 1000; ++i) heap_.deallocate(heap_.allocate({1 * KiB}).value, 1 * KiB);
  EXPECT_EQ(heap_.grower().tally(Duty::decommit).calls, 1u) << "1000 KiB have been freed since, not 1 MiB";
  for (int i = 0; i < 100; ++i) heap_.deallocate(heap_.allocate({1 * KiB}).value, 1 * KiB);
  EXPECT_EQ(heap_.grower().tally(Duty::decommit).calls, 2u);
}

TEST_F(ByDecommit, ARefusalIsAbsorbedAndTriedAgain) {
  std::byte* const block = touched(8 * MiB);
  heap_.grower().fail_at(Duty::decommit, 1);
  heap_.deallocate(block, 8 * MiB);
  EXPECT_EQ(heap_.observer().decommits, 0u);
  heap_.deallocate(heap_.allocate({64}).value, 64);
  EXPECT_EQ(heap_.observer().decommits, 1u);
}

TEST_F(ByDecommit, TrimDecommitsToo) {
  heap_.deallocate(touched(64 * KiB), 64 * KiB);
  EXPECT_TRUE(heap_.trim());
  EXPECT_EQ(heap_.observer().decommits, 1u);
}

TEST(GiveBackNever, KeepsEverything) {
  RawAlloc<MmapGrower<RawOs>> heap;
  heap.deallocate(heap.allocate({64 * MiB}).value, 64 * MiB);
  EXPECT_EQ(heap.stats().free_bytes, 64 * MiB);
  EXPECT_TRUE(heap.trim()) << "but for the asking";
}

}  // namespace
}  // namespace basalt
