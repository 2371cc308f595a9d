#include "basic/fit.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "basic/raw_alloc.hpp"
#include "source/fixed_buffer.hpp"
#include "support/counting_observer.hpp"

namespace basalt {
namespace {

alignas(4096) std::byte memory[4096];

// Every place where a layout fits, by trying them all.
template <class Better>
Range by_trying(Range block, const Layout& layout, Better&& better) {
  Range best;
  for (std::size_t front = 0; front + layout.size <= block.size; front += granule) {
    const Range taken{block.begin + front, layout.size};
    if (!is_aligned(taken.begin + layout.offset, layout.alignment)) continue;
    if (!can_remain(front) || !can_remain(block.size - front - layout.size)) continue;
    if (best.empty() || better(taken.begin, best.begin)) best = taken;
  }
  return best;
}

TEST(Cut, FindsTheHighestAndTheLowestPlaceThatThereIs) {
  for (std::size_t begin = 0; begin <= 64; begin += 8) {
    for (std::size_t block_bytes = 16; block_bytes <= 200; block_bytes += 8) {
      for (std::size_t alignment = 8; alignment <= 128; alignment *= 2) {
        for (std::size_t offset = 0; offset < alignment; offset += 8) {
          for (std::size_t size = 16; size <= 96; size += 8) {
            const Range block{memory + begin, block_bytes};
            const Layout layout{size, alignment, offset};
            const auto higher = [](std::byte* a, std::byte* b) { return a > b; };
            const auto lower = [](std::byte* a, std::byte* b) { return a < b; };
            const Range high = cut_high(block, layout);
            const Range low = cut_low(block, layout);
            ASSERT_EQ(high.empty() ? Range{} : high, by_trying(block, layout, higher));
            ASSERT_EQ(low.empty() ? Range{} : low, by_trying(block, layout, lower));
          }
        }
      }
    }
  }
}

template <class Fit>
using List = BlockList<test::CountingObserver, Fit>;

template <class Fit>
void add(List<Fit>& list, std::size_t begin, std::size_t size) {
  ASSERT_EQ(list.add({memory + begin, size}).outcome, Added::Outcome::listed);
}

template <class Fit>
Range take(List<Fit>& list, std::size_t size) {
  const Choice choice = list.choose(Layout{size});
  if (!choice.taken.empty()) list.take(choice);
  return choice.taken;
}

TEST(FirstFit, TakesTheEndOfTheFirstThatIsLargeEnough) {
  List<FirstFit> list;
  add(list, 0, 32), add(list, 128, 96), add(list, 512, 64);
  EXPECT_EQ(take(list, 64), (Range{memory + 160, 64}));
  EXPECT_EQ(take(list, 32), (Range{memory, 32})) << "an exact fit is unlinked";
  EXPECT_EQ(take(list, 24), (Range{memory + 512 + 40, 24})) << "32 - 24 would leave a lone granule";
  EXPECT_TRUE(take(list, 128).empty());
}

TEST(BestFit, TakesTheSmallestThatIsLargeEnough) {
  List<BestFit> list;
  add(list, 0, 256), add(list, 512, 64), add(list, 1024, 80), add(list, 2048, 64);
  EXPECT_EQ(take(list, 48), (Range{memory + 528, 48}));
  EXPECT_EQ(take(list, 64), (Range{memory + 2048, 64}));
  EXPECT_EQ(take(list, 200), (Range{memory + 56, 200}));
}

TEST(NextFit, GoesOnWhereItStoppedAndRoundOnce) {
  List<NextFit> list;
  add(list, 0, 64), add(list, 128, 64), add(list, 256, 64);
  EXPECT_EQ(take(list, 64).begin, memory);
  EXPECT_EQ(take(list, 32).begin, memory + 160);
  add(list, 0, 64);
  EXPECT_EQ(take(list, 64).begin, memory + 256) << "not from the head again";
  EXPECT_EQ(take(list, 64).begin, memory) << "but round";
  list.observer().searches = 0;
  EXPECT_TRUE(take(list, 64).empty());
  EXPECT_EQ(list.observer().searches, list.length()) << "every block is looked at once";
}

// The rover lies in the block before the one it points to: that block goes in each way in which one can go.
TEST(NextFit, SurvivesTheUnlinkingOfTheBlockItLiesIn) {
  List<NextFit> list;
  add(list, 0, 64), add(list, 128, 64), add(list, 256, 128);
  EXPECT_EQ(take(list, 96).begin, memory + 288);  // the rover lies in the second block
  ASSERT_FALSE(list.claim({memory + 128, 64}).release().empty());
  std::memset(memory + 128, 0xEE, 64);
  EXPECT_EQ(take(list, 32).begin, memory + 256);
}

TEST(NextFit, SurvivesTheMergingOfTheBlockItLiesIn) {
  List<NextFit> list;
  add(list, 0, 64), add(list, 128, 64), add(list, 256, 128);
  EXPECT_EQ(take(list, 96).begin, memory + 288);
  add(list, 64, 64);  // 0..192 is one block now
  std::memset(memory + 128, 0xEE, 64);
  EXPECT_EQ(take(list, 32).begin, memory + 256);
}

TEST(NextFit, SurvivesALowerBeginningOfTheBlockItLiesIn) {
  List<NextFit> list;
  add(list, 128, 64), add(list, 256, 128);
  EXPECT_EQ(take(list, 96).begin, memory + 288);
  add(list, 120, 8);  // the header moves down by a granule
  std::memset(memory + 136, 0xEE, 56);
  EXPECT_EQ(take(list, 32).begin, memory + 256);
}

TEST(NextFit, SurvivesTheSplittingOfTheBlockItLiesIn) {
  for (const Range taken : {Range{memory, 32}, Range{memory + 24, 32}, Range{memory + 48, 32}}) {
    List<NextFit> list;
    add(list, 0, 80), add(list, 256, 128);
    EXPECT_EQ(take(list, 96).begin, memory + 288);
    ASSERT_FALSE(list.claim(taken).release().empty());
    std::memset(taken.begin, 0xEE, taken.size);
    EXPECT_EQ(take(list, 32).begin, memory + 256);
    EXPECT_EQ(list.stats().validity.broken(), Law::none);
  }
}

}  // namespace
}  // namespace basalt
