#include "guard/guarded_slots.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"

namespace basalt::guard {
namespace {

using test::Operation;
struct Here;
using System = test::FailingOs<RawOs, Here>;
using Slots = GuardedSlots<System>;

constexpr std::uint32_t few = 4;

// The listener of a pool lives as long as the process: so does the pool.
class GuardedSlotsTest : public testing::Test {
 protected:
  GuardedSlotsTest() { System::reset(); }

  std::byte* made(std::size_t size, std::size_t alignment = 16) {
    return static_cast<std::byte*>(slots_.allocate({size, alignment, Origin::malloc, size}, few));
  }
  void drop(std::byte* block) { (void)slots_.free(block, Origin::malloc); }
  static bool touchable(const std::byte* p) { return readable(address_of(p)); }
  static std::size_t page() { return System::page_size(); }

  Slots& slots_ = *new Slots;
};

TEST_F(GuardedSlotsTest, ABlockIsZeroAndAsLongAsItWasAskedFor) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, page(), page() + 1, Slots::largest}) {
    std::byte* const block = made(size);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(std::all_of(block, block + size, [](std::byte byte) { return byte == std::byte{0}; }));
    std::memset(block, 0xff, size);
    EXPECT_EQ(slots_.usable_size(block, "test"), size);
    EXPECT_EQ(address_of(block) % 16, 0U);
    EXPECT_TRUE(slots_.owns(block) && slots_.owns(block + size));
    EXPECT_EQ(slots_.broken_law(), nullptr);
    drop(block);
    EXPECT_FALSE(touchable(block));
    EXPECT_EQ(slots_.broken_law(), nullptr);
  }
}

TEST_F(GuardedSlotsTest, ABlockHasGuardsOnBothSidesAndLiesAtEither) {
  unsigned left = 0;
  unsigned right = 0;
  for (int i = 0; i < 64; ++i) {
    std::byte* const block = made(3 * page() - 16);
    std::byte* const begin = align_down(block, page());
    EXPECT_TRUE(touchable(begin) && touchable(begin + 3 * page() - 8));
    EXPECT_FALSE(touchable(begin - 8));
    EXPECT_FALSE(touchable(begin + 3 * page()));
    (block == begin ? left : right) += 1;
    drop(block);
  }
  EXPECT_GT(left, 8U);
  EXPECT_GT(right, 8U);
}

TEST_F(GuardedSlotsTest, ABlockOfNoBytesIsABlockOfItsOwn) {
  std::byte* const block = made(0);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(slots_.usable_size(block, "test"), 0U);
  EXPECT_NE(made(0), block);
  drop(block);
}

TEST_F(GuardedSlotsTest, AlignmentsUpToAPageAreKept) {
  for (std::size_t alignment = 16; alignment <= page(); alignment *= 2) {
    for (int i = 0; i < 8; ++i) {
      std::byte* const block = made(24, alignment);
      EXPECT_EQ(address_of(block) % alignment, 0U);
      drop(block);
    }
  }
  EXPECT_EQ(made(24, 2 * page()), nullptr);
}

TEST_F(GuardedSlotsTest, WhatIsTooLongOrHasNoSlotIsNotGuarded) {
  EXPECT_EQ(made(Slots::largest + 1), nullptr);
  std::vector<std::byte*> blocks;
  for (std::uint32_t i = 0; i < few; ++i) blocks.push_back(made(10));
  EXPECT_EQ(std::count(blocks.begin(), blocks.end(), nullptr), 0);
  EXPECT_EQ(made(10), nullptr);
  drop(blocks[2]);
  EXPECT_NE(made(10), nullptr);
}

TEST_F(GuardedSlotsTest, ASlotIsUsedAgainWhenAllOthersHaveBeen) {
  std::set<std::byte*> places;
  for (std::uint32_t i = 0; i < few; ++i) {
    std::byte* const block = made(Slots::largest);
    drop(block);
    EXPECT_TRUE(places.insert(block).second);
  }
}

TEST_F(GuardedSlotsTest, NothingIsMappedAndNothingOwnedBeforeTheFirst) {
  EXPECT_FALSE(slots_.owns(nullptr));
  EXPECT_FALSE(slots_.owns(this));
  EXPECT_EQ(slots_.table_bytes() + slots_.live_bytes(), 0U);
  EXPECT_EQ(System::calls, 0U);
}

TEST_F(GuardedSlotsTest, WithoutMemoryForTheTableOrThePlaceThereIsNone) {
  for (const std::size_t reservation : {1U, 2U}) {
    System::fail_at(Operation::reserve, reservation);
    EXPECT_EQ(made(10), nullptr);
    EXPECT_EQ(slots_.table_bytes(), 0U);
  }
  EXPECT_NE(made(10), nullptr);
}

TEST_F(GuardedSlotsTest, ASlotThatCannotBeOpenedIsNotLost) {
  drop(made(10));
  System::fail_at(Operation::open, 1);
  EXPECT_EQ(made(10), nullptr);
  EXPECT_EQ(slots_.broken_law(), nullptr);
  for (std::uint32_t i = 0; i < few; ++i) EXPECT_NE(made(10), nullptr);
}

TEST_F(GuardedSlotsTest, ASlotThatCannotBeClosedIsNotUsedAgain) {
  std::byte* const block = made(10);
  System::fail_at(Operation::close, 1);
  drop(block);
  EXPECT_EQ(slots_.live_bytes(), 0U);
  for (std::uint32_t i = 1; i < few; ++i) EXPECT_NE(made(10), nullptr);
  EXPECT_EQ(made(10), nullptr);
}

TEST_F(GuardedSlotsTest, CountsThePagesOfLiveBlocks) {
  std::byte* const block = made(page() + 1);
  EXPECT_EQ(slots_.live_bytes(), 2 * page());
  EXPECT_GE(slots_.table_bytes(), few * sizeof(Slot));
  drop(block);
  EXPECT_EQ(slots_.live_bytes(), 0U);
}

}  // namespace
}  // namespace basalt::guard
