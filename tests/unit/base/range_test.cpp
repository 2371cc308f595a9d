#include "base/range.hpp"

#include <gtest/gtest.h>

namespace basalt {
namespace {

// Ranges of an address line that nobody reads or writes.
Range line(std::uintptr_t begin, std::size_t size) { return {reinterpret_cast<std::byte*>(begin), size}; }

TEST(Range, PartsJoinToTheWhole) {
  const Range whole = line(0x1000, 0x300);
  EXPECT_EQ(whole.first(0x100), line(0x1000, 0x100));
  EXPECT_EQ(whole.after(0x100), line(0x1100, 0x200));
  EXPECT_EQ(range_between(whole.begin, whole.end()), whole);
  EXPECT_TRUE(whole.after(0x300).empty());
}

TEST(Range, ContainsWhatLiesWhollyInside) {
  const Range whole = line(0x1000, 0x100);
  EXPECT_TRUE(whole.contains(whole));
  EXPECT_TRUE(whole.contains(line(0x1000, 1)));
  EXPECT_TRUE(whole.contains(line(0x10ff, 1)));
  EXPECT_TRUE(whole.contains(line(0x1100, 0)));
  EXPECT_FALSE(whole.contains(line(0x1100, 1)));
  EXPECT_FALSE(whole.contains(line(0x0fff, 2)));
  EXPECT_FALSE(whole.contains(line(0x10ff, 2)));
}

TEST(Range, IsNotFooledByASizeThatWrapsRound) {
  const Range whole = line(0x1000, 0x100);
  EXPECT_FALSE(whole.contains(line(0x1080, SIZE_MAX)));
  EXPECT_FALSE(whole.contains(line(0x1080, SIZE_MAX - 0x1080 + 1)));  // ends at 0
  EXPECT_FALSE(whole.contains(line(UINTPTR_MAX, 2)));
}

TEST(Range, RelationsOnTheLine) {
  const Range self = line(0x1000, 0x100);
  EXPECT_EQ(relation(self, line(0x1101, 8)), Relation::before);
  EXPECT_EQ(relation(self, line(0x1100, 8)), Relation::adjacent_before);
  EXPECT_EQ(relation(self, line(0x10ff, 8)), Relation::overlapping);
  EXPECT_EQ(relation(self, self), Relation::overlapping);
  EXPECT_EQ(relation(self, line(0x0ff9, 8)), Relation::overlapping);
  EXPECT_EQ(relation(self, line(0x0ff8, 8)), Relation::adjacent_after);
  EXPECT_EQ(relation(self, line(0x0ff0, 8)), Relation::after);
}

TEST(Range, WholePagesInside) {
  EXPECT_EQ(whole_pages(line(0x1001, 0x3000), 0x1000), line(0x2000, 0x2000));
  EXPECT_EQ(whole_pages(line(0x1000, 0x1000), 0x1000), line(0x1000, 0x1000));
  EXPECT_TRUE(whole_pages(line(0x1001, 0x1ffe), 0x1000).empty());
  EXPECT_TRUE(whole_pages(line(0x1001, 0x10), 0x1000).empty());
}

}  // namespace
}  // namespace basalt
