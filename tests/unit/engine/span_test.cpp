#include "engine/span.hpp"

#include <gtest/gtest.h>

#include "engine/page_map.hpp"

namespace basalt::engine {
namespace {

TEST(Spans, FindTheSlotOfEveryByteOfEveryClass) {
  for (unsigned c = 0; c < class_count; ++c) {
    Span span;
    span.cut(nullptr, static_cast<SizeClass>(c), span_slices(c));
    for (std::size_t offset = 0; offset < span_slices(c) * slice_bytes; ++offset) {
      ASSERT_EQ(span.slot_of(offset), offset / slot_bytes(c)) << offset << " in class " << c;
      if (offset % slot_bytes(c) == 0) {
        ASSERT_EQ(span.slot_at(offset), offset / slot_bytes(c)) << offset << " in class " << c;
      } else {
        ASSERT_GE(span.slot_at(offset), most_slots) << offset << " in class " << c;
      }
    }
  }
}

TEST(Spans, KeepOwnerGenerationAndStateApart) {
  const SpanWord word{0xff'fffe, 0xffff'ffff, SpanState::returned};
  EXPECT_EQ(word.owner(), 0xff'fffeU);
  EXPECT_EQ(word.generation(), 0xffff'ffffU);
  EXPECT_EQ(word.state(), SpanState::returned);
  EXPECT_EQ(word.in(SpanState::full), SpanWord(0xff'fffe, 0xffff'ffff, SpanState::full));
  EXPECT_EQ(SpanWord{}, SpanWord(0, 0, SpanState::attached)) << "a page of zeros is a span that nobody has";
}

TEST(Spans, KnowWhichLawIsBroken) {
  Span span;
  span.slots = 4;
  EXPECT_EQ(span.broken_law(), nullptr);
  span.free[0] = 0b11;
  EXPECT_STREQ(span.broken_law(), "a span counts its free slots rightly");
  span.free_count = 2;
  EXPECT_EQ(span.broken_law(), nullptr);
  (void)span.remote.give(0, 0b100);
  EXPECT_EQ(span.broken_law(), nullptr);
  EXPECT_EQ(span.remote_count(), 1U);
  (void)span.remote.give(0, 0b10);
  EXPECT_STREQ(span.broken_law(), "a slot is free in one place only");
}

// The one comparison of a local free: everything that is not a span of one's own fails it.
TEST(PageMap, OneComparisonTellsOnesOwnSpans) {
  constexpr HeapId me = 5;
  const auto own = [](MapEntry entry) { return (entry ^ tag_of(me)) < class_count; };
  for (unsigned c = 0; c < class_count; ++c) {
    const auto size_class = static_cast<SizeClass>(c);
    EXPECT_TRUE(own(entry_for(me, size_class)));
    EXPECT_TRUE(is_span(entry_for(me, size_class)));
    EXPECT_FALSE(own(entry_for(me + 1, size_class)));
    EXPECT_FALSE(own(entry_for(1, size_class)));
  }
  EXPECT_FALSE(own(0));
  for (const Kind kind : {Kind::large, Kind::interior, Kind::huge}) {
    EXPECT_FALSE(own(entry_for(kind)));
    EXPECT_FALSE(is_span(entry_for(kind)));
  }
}

TEST(PageMap, AWindowThatIsNotThereHoldsNothing) {
  const Window window;
  for (const std::uintptr_t wild : {std::uintptr_t{0}, std::uintptr_t{1} << 40, ~std::uintptr_t{0}}) {
    EXPECT_GE(window.slice_of(reinterpret_cast<void*>(wild)), window.slices);
  }
}

}  // namespace
}  // namespace basalt::engine
