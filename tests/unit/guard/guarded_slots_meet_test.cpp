// What several threads do to the guarded slots at the same moment; and their laws, broken.

#include <gtest/gtest.h>

#include <cstring>

#include "guard/guarded_slots.hpp"
#include "platform/raw_os.hpp"
#include "support/interrupted_os.hpp"

namespace basalt::guard {
namespace {

struct OfMeetings;
using System = test::InterruptedOs<RawOs, OfMeetings>;
using Slots = GuardedSlots<System>;

constexpr std::uint32_t few = 4;

// The listener of a pool lives as long as the process: so does the pool.
class GuardedSlotsMeet : public testing::Test {
 protected:
  GuardedSlotsMeet() { System::table = {}; }

  std::byte* made(std::size_t size, std::uint32_t slots = few) {
    return static_cast<std::byte*>(slots_.allocate({size, 16, Origin::malloc, size}, slots));
  }
  void drop(std::byte* block) { (void)slots_.free(block, Origin::malloc); }

  // Effects: replaces a word in what is kept of the slots, as a stray write of the program would.
  template <class Word>
  static void overwrite(Word word, Word by) {
    for (std::size_t at = 0; at + sizeof word <= System::table.size; at += sizeof word) {
      if (std::memcmp(System::table.begin + at, &word, sizeof word) != 0) continue;
      std::memcpy(System::table.begin + at, &by, sizeof by);
      return;
    }
    FAIL() << "there is no such word";
  }

  Slots& slots_ = *new Slots;
};

TEST_F(GuardedSlotsMeet, WithoutSlotsThereIsNothing) {
  EXPECT_EQ(made(10, 0), nullptr);
  EXPECT_EQ(slots_.table_bytes(), 0U);
}

TEST_F(GuardedSlotsMeet, TwoFirstRequestsShareTheSlots) {
  std::byte* other = nullptr;
  System::in_reserve = [&] { other = made(20); };
  std::byte* const block = made(10);
  ASSERT_NE(block, nullptr);
  ASSERT_NE(other, nullptr);
  EXPECT_NE(block, other);
  EXPECT_TRUE(slots_.owns(block) && slots_.owns(other));
  EXPECT_EQ(slots_.usable_size(block, "test"), 10U);
  EXPECT_EQ(slots_.usable_size(other, "test"), 20U);
  EXPECT_NE(made(10), nullptr);
  EXPECT_NE(made(10), nullptr);
  EXPECT_EQ(made(10), nullptr) << "the slots of both are in use";
  EXPECT_EQ(slots_.broken_law(), nullptr);
}

TEST_F(GuardedSlotsMeet, TheLawsHoldWhileABlockIsFreed) {
  std::byte* const block = made(10);
  const char* broken = "nobody looked";
  std::size_t live = 0;
  System::in_close = [&] { broken = slots_.broken_law(), live = slots_.live_bytes(); };
  drop(block);
  EXPECT_EQ(broken, nullptr);
  EXPECT_EQ(live, System::page_size());
  EXPECT_EQ(slots_.live_bytes(), 0U);
}

TEST_F(GuardedSlotsMeet, ALengthThatIsOverwrittenBreaksALaw) {
  (void)made(12'345);
  ASSERT_EQ(slots_.broken_law(), nullptr);
  overwrite(std::size_t{12'345}, std::size_t{1} << 30);
  EXPECT_STREQ(slots_.broken_law(), "a guarded block lies in its pages");
}

TEST_F(GuardedSlotsMeet, PagesThatAreOverwrittenBreakALaw) {
  (void)made(9 * System::page_size() - 16);
  overwrite(9 * System::page_size(), 10 * System::page_size());
  EXPECT_STREQ(slots_.broken_law(), "the pages of guarded blocks sum to what is counted");
}

using GuardedSlotsMeetDeath = GuardedSlotsMeet;

TEST_F(GuardedSlotsMeetDeath, TwoThreadsFreeABlockAtOnce) {
  std::byte* const block = made(10);
  System::in_close = [&] { drop(block); };
  EXPECT_DEATH(drop(block), "^basalt: double free: 0x[0-9a-f]+ is free already\n");
}

TEST_F(GuardedSlotsMeetDeath, QuestionAboutTheInsideOfABlock) {
  std::byte* const block = made(100);
  EXPECT_DEATH((void)slots_.usable_size(block + 16, "malloc_usable_size"),
               "^basalt: invalid pointer in malloc_usable_size: 0x[0-9a-f]+ is not the beginning of a "
               "block; it lies 16 bytes into a block of 100 bytes\n");
}

}  // namespace
}  // namespace basalt::guard
