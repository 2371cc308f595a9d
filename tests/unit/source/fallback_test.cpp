#include "source/fallback.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "source/tracked.hpp"

namespace basalt {
namespace {

using Pages = Counting<Tracked<MmapGrower<RawOs>, RawOs>>;
using Grower = Fallback<ToyHeap<1024, 64>, Pages>;

TEST(Fallback, AsksTheSecondOnlyWhenTheFirstRefuses) {
  Grower grower;
  EXPECT_TRUE(grower.first().owns(grower.grow(1000).value));
  EXPECT_EQ(grower.second().tally(Duty::grow).calls, 0u);
  const Range second = grower.grow(100).value;
  EXPECT_TRUE(grower.second().owns(second));
  EXPECT_EQ(second.size, RawOs::page_size());
  EXPECT_TRUE(grower.owns(second));
}

TEST(Fallback, GivesInTheLargerPage) { EXPECT_EQ(Grower{}.page_size(), RawOs::page_size()); }

TEST(Fallback, RefusesWithTheErrorOfTheSecond) {
  Fallback<ToyHeap<64>, FailingAt<ToyHeap<64>>> grower;
  grower.second().fail_at(Duty::grow, 1, Error{11});
  EXPECT_EQ(grower.grow(100).error, Error{11});
}

TEST(Fallback, EveryDutyGoesToTheOwner) {
  Grower grower;
  const std::size_t page = RawOs::page_size();
  const Range ours = grower.grow(512).value;
  const Range pages = grower.grow(4 * page).value;
  EXPECT_EQ(grower.give_back(ours), invalid_argument);
  EXPECT_EQ(grower.decommit(ours), invalid_argument);
  EXPECT_EQ(grower.remap(ours, page).error, invalid_argument);
  EXPECT_EQ(grower.extend(ours.end(), 64).value.begin, ours.end());
  EXPECT_EQ(grower.extend(pages.end(), 64).error, invalid_argument);
  EXPECT_EQ(grower.decommit(pages), no_error);
  EXPECT_EQ(grower.give_back(pages.first(page)), no_error);
  EXPECT_TRUE(grower.remap(pages.after(page), 8 * page).ok());
  for (const Duty duty : {Duty::give_back, Duty::decommit, Duty::remap}) {
    EXPECT_EQ(grower.second().tally(duty).calls, 1u);
  }
}

// Two wells whose memory lies side by side: halves of one array.
class Half : public FixedBuffer<64> {
 public:
  explicit Half(std::byte* begin) noexcept : FixedBuffer{begin, 256} {}
  Error give_back(Range) noexcept { return returned += 1, no_error; }
  int returned = 0;
};
alignas(64) std::byte halves[512];
struct Lower : Half {
  Lower() noexcept : Half{halves} {}
};
struct Upper : Half {
  Upper() noexcept : Half{halves + 256} {}
};

TEST(Fallback, OwnsARangeThatBelongsPartlyToEachButLetsNobodyTakeIt) {
  Fallback<Lower, Upper> grower;
  (void)grower.grow(256);
  EXPECT_TRUE(grower.owns({halves, 256}));
  EXPECT_FALSE(grower.owns({halves, 257}));
  (void)grower.grow(64);
  EXPECT_TRUE(grower.owns({halves + 8, 312}));
  EXPECT_FALSE(grower.owns({halves + 8, 313}));
  EXPECT_EQ(grower.give_back({halves + 192, 128}), invalid_argument);
  EXPECT_EQ(grower.first().returned + grower.second().returned, 0);
  EXPECT_EQ(grower.give_back({halves + 256, 64}), no_error);
  EXPECT_EQ(grower.second().returned, 1);
}

TEST(Fallback, OwnsWhatIsInterleaved) {
  Fallback<Upper, Lower> grower;
  (void)grower.grow(64);
  (void)grower.grow(256);
  EXPECT_TRUE(grower.owns({halves, 320}));
  EXPECT_FALSE(grower.owns({halves, 321}));
}

// A heap that begins in an array and goes on in pages; a block may even lie across the border.
TEST(Fallback, AHeapGoesOnWhereTheFirstWellEnds) {
  static RawAlloc<Grower> heap;
  Range blocks[40];
  for (Range& block : blocks) {
    const Result<std::byte*> result = heap.allocate({256});
    ASSERT_TRUE(result.ok());
    block = {result.value, 256};
    std::memset(block.begin, 1, block.size);
  }
  for (const Range& block : blocks) heap.deallocate(block.begin, block.size);
  EXPECT_TRUE(heap.trim());
  EXPECT_TRUE(heap.stats().conserved());
  EXPECT_TRUE(heap.validate().valid());
  EXPECT_EQ(heap.stats().live_bytes, 0u);

  static RawAlloc<Fallback<Lower, Upper>> across;
  ASSERT_TRUE(across.allocate({200}).ok());
  const Result<std::byte*> upper = across.allocate({200});
  ASSERT_TRUE(upper.ok());
  across.deallocate(upper.value, 200);
  const Result<std::byte*> border = across.allocate({296});
  ASSERT_TRUE(border.ok());
  EXPECT_EQ(relation({border.value, 296}, {halves + 255, 2}), Relation::overlapping);
  across.deallocate(border.value, 296);
  EXPECT_TRUE(across.stats().conserved());
}

}  // namespace
}  // namespace basalt
