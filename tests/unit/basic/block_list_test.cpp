#include "basic/block_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "support/counting_observer.hpp"

namespace basalt {
namespace {

class BlockListTest : public testing::Test {
 protected:
  Range at(std::size_t begin, std::size_t size) { return {memory_ + begin, size}; }
  Added::Outcome add(std::size_t begin, std::size_t size) { return list_.add(at(begin, size)).outcome; }
  FreeHeader* header(std::size_t begin) { return reinterpret_cast<FreeHeader*>(memory_ + begin); }

  // Begin and size of each block.
  std::vector<std::pair<std::size_t, std::size_t>> blocks() {
    std::vector<std::pair<std::size_t, std::size_t>> all;
    list_.each([&](Range block) { all.emplace_back(block.begin - memory_, block.size); });
    return all;
  }
  using Blocks = std::vector<std::pair<std::size_t, std::size_t>>;

  void TearDown() override { EXPECT_TRUE(corrupted_ || list_.stats().validity.valid()); }

  alignas(4096) std::byte memory_[4096];
  BlockList<test::CountingObserver> list_;
  bool corrupted_ = false;
};

using Outcome = Added::Outcome;

TEST_F(BlockListTest, SortsWhateverTheOrderOfAdding) {
  EXPECT_EQ(add(512, 64), Outcome::listed);
  EXPECT_EQ(add(0, 64), Outcome::listed);
  EXPECT_EQ(add(1024, 64), Outcome::listed);
  EXPECT_EQ(add(256, 64), Outcome::listed);
  EXPECT_EQ(blocks(), (Blocks{{0, 64}, {256, 64}, {512, 64}, {1024, 64}}));
  EXPECT_EQ(list_.length(), 4u);
  EXPECT_EQ(list_.bytes(), 256u);
}

TEST_F(BlockListTest, MergesWithTheOneBeforeTheOneAfterAndBoth) {
  EXPECT_EQ(add(64, 64), Outcome::listed);
  EXPECT_EQ(list_.add(at(128, 64)).block, at(64, 128));
  EXPECT_EQ(list_.add(at(0, 64)).block, at(0, 192));
  EXPECT_EQ(add(256, 64), Outcome::listed);
  EXPECT_EQ(list_.add(at(192, 64)).block, at(0, 320));
  EXPECT_EQ(blocks(), (Blocks{{0, 320}}));
  EXPECT_EQ(list_.observer().merges, 4u);
}

TEST_F(BlockListTest, NoticesOverlapAnywhereAndChangesNothing) {
  for (const std::size_t begin : {64u, 256u, 512u}) EXPECT_EQ(add(begin, 64), Outcome::listed);
  const Blocks before = blocks();
  for (const std::size_t begin : {64u, 256u, 512u}) {  // the head, the middle, the last
    for (const Range wrong : {at(begin, 64), at(begin, 16), at(begin + 48, 16), at(begin + 24, 16),
                              at(begin - 16, 32), at(begin + 48, 64), at(begin - 32, 128), at(begin, 128)}) {
      const Added added = list_.add(wrong);
      EXPECT_EQ(added.outcome, Outcome::overlaps);
      EXPECT_EQ(added.block, at(begin, 64));
    }
  }
  EXPECT_EQ(blocks(), before);
}

TEST_F(BlockListTest, ALoneGranuleGoesToANeighbourOrNowhere) {
  EXPECT_EQ(add(64, 64), Outcome::listed);
  EXPECT_EQ(add(0, 8), Outcome::too_small);
  EXPECT_EQ(add(200, 8), Outcome::too_small);
  EXPECT_EQ(add(120, 8), Outcome::overlaps);
  EXPECT_EQ(list_.add(at(128, 8)).block, at(64, 72));
  EXPECT_EQ(list_.add(at(56, 8)).block, at(56, 80));
  EXPECT_EQ(add(144, 16), Outcome::listed);
  EXPECT_EQ(list_.add(at(136, 8)).block, at(56, 104)) << "between two: all three become one";
  EXPECT_EQ(blocks(), (Blocks{{56, 104}}));
}

TEST_F(BlockListTest, TakesAllTheEndTheBeginningAndTheMiddle) {
  EXPECT_EQ(add(0, 256), Outcome::listed);
  list_.take({list_.head(), at(224, 32)});
  list_.take({list_.head(), at(0, 32)});
  list_.take({list_.head(), at(96, 64)});
  EXPECT_EQ(blocks(), (Blocks{{32, 64}, {160, 64}}));
  list_.take({list_.head(), at(32, 64)});
  EXPECT_EQ(blocks(), (Blocks{{160, 64}}));
  EXPECT_EQ(list_.observer().splits, 3u);
  EXPECT_EQ(list_.observer().unlinks, 1u);
}

TEST_F(BlockListTest, ClaimsOnlyWhatIsWhollyFreeAndLeavesNoLoneGranule) {
  EXPECT_EQ(add(64, 64), Outcome::listed);
  EXPECT_FALSE(list_.claim(at(0, 64)).granted());
  EXPECT_FALSE(list_.claim(at(32, 64)).granted());
  EXPECT_FALSE(list_.claim(at(96, 64)).granted());
  EXPECT_FALSE(list_.claim(at(128, 64)).granted());
  EXPECT_FALSE(list_.claim(at(64, 56)).granted());
  EXPECT_FALSE(list_.claim(at(72, 56)).granted());
  EXPECT_FALSE(list_.claim(at(80, 32)).release().empty());
  EXPECT_EQ(blocks(), (Blocks{{64, 16}, {112, 16}}));
}

TEST_F(BlockListTest, FindsTheBlockOfAPlace) {
  EXPECT_EQ(add(64, 64), Outcome::listed);
  EXPECT_TRUE(list_.containing(memory_ + 63).empty());
  EXPECT_EQ(list_.containing(memory_ + 64), at(64, 64));
  EXPECT_EQ(list_.containing(memory_ + 127), at(64, 64));
  EXPECT_TRUE(list_.containing(memory_ + 128).empty());
  EXPECT_EQ(list_.overlapping(at(0, 65)), at(64, 64));
  EXPECT_TRUE(list_.overlapping(at(0, 64)).empty());
}

TEST_F(BlockListTest, PrintsItselfWithoutAllocating) {
  Text text;
  text << list_;
  EXPECT_EQ(std::string(text.data(), text.size()), "BlockList()");
  EXPECT_EQ(add(0, 64), Outcome::listed);
  EXPECT_EQ(add(128, 32), Outcome::listed);
  Text more;
  more << list_;
  char expected[128];
  std::snprintf(expected, sizeof expected, "BlockList(FreeBlock(%p, 64), FreeBlock(%p, 32))",
                static_cast<void*>(memory_), static_cast<void*>(memory_ + 128));
  EXPECT_EQ(std::string(more.data(), more.size()), expected);
}

// Every law is broken once, by writing over a header as a faulty program would.
class Corrupted : public BlockListTest {
 protected:
  void SetUp() override {
    corrupted_ = true;
    for (const std::size_t begin : {64u, 256u, 512u}) EXPECT_EQ(add(begin, 64), Outcome::listed);
  }
  Validity found() {
    return list_.stats([&](Range range) { return at(0, sizeof memory_).contains(range); }).validity;
  }
};

TEST_F(Corrupted, OrderIsNamed) {
  header(64)->next = header(512);
  header(512)->next = header(256);
  header(256)->next = nullptr;
  EXPECT_EQ(found().broken(), Law::order);
}

TEST_F(Corrupted, ACircleIsNamedAndLeft) {
  header(512)->next = header(64);
  EXPECT_EQ(found().broken(), Law::order);
  EXPECT_NE(found().wrong_totals, 0u);
}

TEST_F(Corrupted, OverlapIsNamed) {
  header(64)->size = 256;
  EXPECT_EQ(found().broken(), Law::overlap);
}

TEST_F(Corrupted, UnmergedNeighboursAreNamed) {
  header(64)->size = 192;
  EXPECT_EQ(found().broken(), Law::merged);
}

TEST_F(Corrupted, ASizeThatHoldsNoHeaderIsNamed) {
  header(256)->size = 8;
  EXPECT_EQ(found().broken(), Law::size);
}

TEST_F(Corrupted, ASizeOffTheGranuleIsNamed) {
  header(256)->size = 60;
  EXPECT_EQ(found().broken(), Law::alignment);
}

TEST_F(Corrupted, ANextOffTheGranuleIsNamedAndNotFollowed) {
  header(256)->next = reinterpret_cast<FreeHeader*>(memory_ + 513);
  EXPECT_EQ(found().broken(), Law::alignment);
}

TEST_F(Corrupted, AWildNextIsNamedAndNotFollowed) {
  header(256)->next = reinterpret_cast<FreeHeader*>(std::uintptr_t{0x4141'4141'4141'4140});
  EXPECT_EQ(found().broken(), Law::ownership);
}

TEST_F(Corrupted, AListThatEndsTooEarlyIsNamed) {
  header(64)->next = nullptr;
  EXPECT_EQ(found().broken(), Law::totals);
}

TEST(Law, EveryOneHasANameOfItsOwn) {
  std::vector<std::string> names;
  for (int law = 0; law <= static_cast<int>(Law::totals); ++law) {
    names.emplace_back(name(static_cast<Law>(law)));
    EXPECT_FALSE(names.back().empty());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace basalt
