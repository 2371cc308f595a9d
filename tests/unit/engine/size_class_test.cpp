#include "engine/size_class.hpp"

#include <gtest/gtest.h>

#include "engine/short_path.hpp"

#include "base/bits.hpp"

namespace basalt::engine {
namespace {

TEST(SizeClasses, EverySizeGetsTheSmallestThatHoldsIt) {
  for (std::size_t size = 0; size <= largest_small; ++size) {
    const unsigned c = class_of(size);
    ASSERT_LT(c, class_count);
    ASSERT_GE(slot_bytes(c), size);
    ASSERT_EQ(c == 0, size == 0);
    ASSERT_TRUE(c <= 1 || slot_bytes(c - 1) < size);
  }
}

TEST(SizeClasses, WasteIsBounded) {
  for (std::size_t size = 1; size <= largest_small; ++size) {
    const std::size_t waste = slot_bytes(class_of(size)) - size;
    if (size <= 128) {
      ASSERT_LE(waste, 15U);
    } else {
      ASSERT_LE(8 * waste, slot_bytes(class_of(size))) << size;
    }
  }
}

TEST(SizeClasses, SlotsKeepTheNaturalAlignment) {
  for (unsigned c = 0; c < class_count; ++c) EXPECT_EQ(slot_bytes(c) % 16, 0U);
  for (std::size_t size = 16; size <= largest_small; size *= 2) EXPECT_EQ(slot_bytes(class_of(size)), size);
}

TEST(SizeClasses, SpansLeaveLittleBehindTheLastSlot) {
  for (unsigned c = 0; c < class_count; ++c) {
    const std::size_t bytes = span_slices(c) * slice_bytes;
    EXPECT_GE(bytes / slot_bytes(c), 8U);
    EXPECT_LE(bytes / slot_bytes(c), most_slots);
    EXPECT_LE(bytes % slot_bytes(c), bytes / 16) << "class " << c << " of " << slot_bytes(c) << " bytes";
  }
}

}  // namespace
}  // namespace basalt::engine
