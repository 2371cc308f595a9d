// Pages in which no block lives, between those in which one does.
#include "engine/holes.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "base/result.hpp"

namespace basalt::engine {
namespace {

// Gives nothing back, and remembers what it was asked to.
template <std::size_t Page>
struct AskedOs {
  static inline std::vector<Range> asked;
  static inline bool refuses = false;
  static std::size_t page_size() noexcept { return Page; }
  static Error decommit(Range range) noexcept {
    if (refuses) return Error{ENOMEM};
    asked.push_back(range);
    return {};
  }
};

template <std::size_t Page>
class HolesOf : public testing::Test {
 protected:
  using Os = AskedOs<Page>;

  HolesOf() {
    Os::asked.clear();
    Os::refuses = false;
  }

  void cut(std::size_t slot) {
    SizeClass c = 0;
    while (slot_bytes(c) != slot) ++c;
    span_.cut(memory_, c, span_slices(c));
  }
  void use(unsigned slot) { span_.free[slot / 64] &= ~(std::uint64_t{1} << slot % 64); }
  void give(unsigned slot) { span_.free[slot / 64] |= std::uint64_t{1} << slot % 64; }

  alignas(64 * KiB) static inline std::byte memory_[16 * slice_bytes];
  Span span_;
};

using Holes = HolesOf<4 * KiB>;
using HolesOfLargePages = HolesOf<64 * KiB>;

TEST_F(Holes, LeaveOutNoIdleSlotThatMayHaveAPage) {
  cut(3 * KiB);
  use(5);
  const auto idle = [this] {
    std::vector<unsigned> slots;
    each_idle_slot(span_, [&](const std::byte* slot) {
      slots.push_back(span_.slot_of(static_cast<std::size_t>(slot - span_.begin)));
    });
    return slots;
  };
  EXPECT_EQ(idle().size(), span_.slots - 1U);
  span_.holes = holes_between(0, 2 * hole_bytes);  // slots 0 and 1 whole, and a part of slot 2
  EXPECT_EQ(idle().front(), 2U);
  EXPECT_EQ(idle().size(), span_.slots - 3U);
}

TEST_F(Holes, AreAllPagesButThoseOfBlocks) {
  cut(1024);  // 16 slots to a slice, four to a page
  use(5);
  EXPECT_EQ(make_holes<Os>(span_), span_.slices * slice_bytes - 4 * KiB);
  ASSERT_EQ(Os::asked.size(), 2U);
  EXPECT_EQ(Os::asked[0].begin, memory_);
  EXPECT_EQ(Os::asked[0].size, 4 * KiB);
  EXPECT_EQ(Os::asked[1].begin, memory_ + 8 * KiB);
  EXPECT_EQ(span_.holes & empty_places(span_), span_.holes);
}

TEST_F(Holes, AreNotWhereABlockReachesInto) {
  cut(1280);
  use(3);  // its last bytes lie on the second page
  (void)make_holes<Os>(span_);
  EXPECT_EQ(span_.holes & 0b11, 0U);
  EXPECT_NE(span_.holes, 0U);
}

TEST_F(Holes, AreMadeOnce) {
  cut(1024);
  use(0);
  EXPECT_NE(make_holes<Os>(span_), 0U);
  EXPECT_EQ(make_holes<Os>(span_), 0U);
}

TEST_F(Holes, AreFilledUpToTheSlotThatIsHandedOut) {
  cut(1024);
  (void)make_holes<Os>(span_);
  fill_holes(span_, 6);
  EXPECT_EQ(span_.holes & 0b111, 0b100U) << "slot 6 lies on the second page";
  for (unsigned slot = 0; slot <= 6; ++slot) use(slot);
  EXPECT_EQ(make_holes<Os>(span_), 0U) << "what lies behind it is a hole still";
  for (unsigned slot = 4; slot <= 6; ++slot) give(slot);
  EXPECT_NE(make_holes<Os>(span_), 0U);
  EXPECT_EQ(span_.holes & 0b11, 0b10U);
}

TEST_F(Holes, AreNotMadeByASystemThatRefuses) {
  cut(64);
  Os::refuses = true;
  EXPECT_EQ(make_holes<Os>(span_), 0U);
  EXPECT_EQ(span_.holes, 0U);
}

TEST_F(HolesOfLargePages, AreWholePages) {
  cut(10 * KiB);
  ASSERT_GT(span_.slices, 4U);
  use(0);
  const std::size_t whole = align_down(span_.slices * slice_bytes, 64 * KiB) - 64 * KiB;
  EXPECT_EQ(make_holes<Os>(span_), whole);
  for (const Range& range : Os::asked) {
    EXPECT_TRUE(is_aligned(range.begin, 64 * KiB));
    EXPECT_EQ(range.size % (64 * KiB), 0U);
  }
}

}  // namespace
}  // namespace basalt::engine
