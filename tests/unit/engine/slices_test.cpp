#include "engine/slices.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "engine/space.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/readable.hpp"
#include "support/seed.hpp"

namespace basalt::engine {
namespace {

using Refusing = test::FailingOs<RawOs, struct OfSlices>;

// As SpanSupply does.
template <class System>
engine::Run span_of(Space<System>& space, SizeClass c) {
  const engine::Run run = space.take_span(c);
  if (run.count != 0) space.descriptor(run.first).cut(space.address(run.first), c, run.count);
  return run;
}

TEST(Slices, SpansOfClass0CannotBeTouchedAndAreFoundAgain) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  const engine::Run ordinary = space.take(1);
  const engine::Run closed = span_of(space, 0);
  ASSERT_EQ(closed.count, 1U);
  EXPECT_FALSE(test::readable(space.address(closed.first)));
  EXPECT_NE(space.take(1).first / slices_per_chunk, closed.first / slices_per_chunk);
  space.give(closed);
  EXPECT_EQ(space.dirty_bytes(), 0U) << "it never had a page";
  EXPECT_EQ(span_of(space, 0).first, closed.first);
  for (unsigned i = 0; i < slices_per_chunk; ++i) ASSERT_EQ(span_of(space, 0).count, 1U);
  space.give(ordinary);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Slices, WithoutUntouchableMemoryThereIsNoSpanOfClass0) {
  auto& space = *new Space<Refusing>;
  ASSERT_TRUE(space.ready());
  Refusing::fail_at(test::Operation::close, 1);
  EXPECT_EQ(space.take_span(0).count, 0U);
  Refusing::refuse_nothing_more();
  EXPECT_EQ(space.take_span(0).count, 1U);
  EXPECT_NE(space.take(1).count, 0U);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Slices, MemoryOfAClassStaysWithItIfThatIsWished) {
  auto& space = *new Space<RawOs>;
  space.policy.overlay.apart = true;
  ASSERT_TRUE(space.ready());
  std::map<std::size_t, SizeClass> owner;
  std::vector<engine::Run> spans;
  test::Dice dice{7};
  for (int i = 0; i < 3'000; ++i) {
    if (spans.empty() || dice.below(2) == 0) {
      const auto c = static_cast<SizeClass>(1 + dice.below(class_count - 1));
      const engine::Run run = span_of(space, c);
      ASSERT_EQ(run.count, span_slices(c));
      for (std::size_t s = run.first; s < run.first + run.count; ++s)
        ASSERT_EQ(owner.try_emplace(s, c).first->second, c) << "slice " << s;
      spans.push_back(run);
    } else {
      std::swap(spans[dice.below(spans.size())], spans.back());
      space.give(spans.back());
      spans.pop_back();
    }
    if (i % 500 == 0) (void)space.purge();
  }
  while (space.used_bytes() < 64 * MiB) ASSERT_EQ(owner.count(space.take(4).first), 0U);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Slices, BehindEverySpanIsAWallIfThatIsWished) {
  auto& space = *new Space<RawOs>;
  space.policy.overlay.apart = space.policy.overlay.walls = true;
  ASSERT_TRUE(space.ready());
  std::vector<engine::Run> spans;
  for (int i = 0; i < 600; ++i)
    spans.push_back(span_of(space, static_cast<SizeClass>(1 + i % int{class_count - 1})));
  for (const engine::Run& run : spans) {
    ASSERT_NE(run.count, 0U);
    const auto behind = static_cast<unsigned>((run.first + run.count) % slices_per_chunk);
    ASSERT_NE(behind, 0U) << "the last slice of a chunk is in no span";
    ASSERT_EQ(space.entry(run.first + run.count), 0U);
  }
  EXPECT_FALSE(test::readable(space.address(spans[7].first + spans[7].count)));
  EXPECT_STREQ(space.broken_law(), nullptr);
  for (const engine::Run& run : spans) space.give(run);
  (void)space.purge();
  EXPECT_FALSE(test::readable(space.address(spans[7].first + spans[7].count)));
  EXPECT_STREQ(space.broken_law(), nullptr);
  EXPECT_EQ(space.used_bytes(), 0U);
}

TEST(Slices, ExiledMemoryCannotBeTouchedAndComesBackZero) {
  auto& space = *new Space<RawOs>;
  space.policy.overlay.exile = true;
  ASSERT_TRUE(space.ready());
  const engine::Run first = space.take(3);
  std::memset(space.address(first.first), 7, 3 * slice_bytes);
  space.give_large(first);
  EXPECT_FALSE(test::readable(space.address(first.first)));
  for (int i = 0; i < 64; ++i) {
    const engine::Run next = space.take(3);
    ASSERT_NE(next.first, first.first) << "after " << i << " others";
    space.give_large(next);
    ASSERT_STREQ(space.broken_law(), nullptr);
  }
  const engine::Run again = space.take(3);
  ASSERT_EQ(again.first, first.first);
  EXPECT_TRUE(again.zero);
  EXPECT_EQ(*space.address(again.first), std::byte{0});
}

TEST(Slices, WhatCannotBeExiledIsFreeAtOnce) {
  auto& space = *new Space<Refusing>;
  space.policy.overlay.exile = true;
  ASSERT_TRUE(space.ready());
  const engine::Run run = space.take(3);
  Refusing::fail_at(test::Operation::close, 1);
  space.give_large(run);
  EXPECT_EQ(space.take(3).first, run.first);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Slices, AHugeBlockThatWasFreedCannotBeTouched) {
  auto& space = *new Space<RawOs>;
  space.policy.overlay.exile = space.policy.overlay.walls = true;
  ASSERT_TRUE(space.ready());
  const std::size_t block = space.take_huge(8 * MiB, 1);
  std::byte* const begin = space.address(block);
  begin[8 * MiB - 1] = std::byte{1};
  EXPECT_FALSE(test::readable(&begin[8 * MiB + RawOs::page_size()]));
  EXPECT_FALSE(test::readable(&begin[-1]));
  ASSERT_TRUE(space.claim(block, entry_for(Kind::huge)));
  space.give_huge(block);
  EXPECT_FALSE(test::readable(begin));
  for (int i = 0; i < 100; ++i) {
    const std::size_t next = space.take_huge(8 * MiB, 1);
    ASSERT_TRUE(i >= 64 || next != block) << "after " << i << " others";
    ASSERT_TRUE(space.claim(next, entry_for(Kind::huge)));
    space.give_huge(next);
  }
  EXPECT_STREQ(space.broken_law(), nullptr);
}

}  // namespace
}  // namespace basalt::engine
