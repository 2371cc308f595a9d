#include "source/fixed_buffer.hpp"

#include <gtest/gtest.h>

namespace basalt {
namespace {

TEST(FixedBuffer, GivesPageByPageFromTheBeginning) {
  alignas(64) std::byte buffer[256];
  FixedBuffer<64> grower{buffer, sizeof buffer};
  EXPECT_EQ(grower.page_size(), 64u);
  EXPECT_EQ(grower.grow(1).value, (Range{buffer, 64}));
  EXPECT_EQ(grower.grow(65).value, (Range{buffer + 64, 128}));
  EXPECT_EQ(grower.pages_used(), 3u);
}

TEST(FixedBuffer, RefusesWhatIsNotLeftAndKeepsIt) {
  alignas(64) std::byte buffer[256];
  FixedBuffer<64> grower{buffer, sizeof buffer};
  EXPECT_EQ(grower.grow(257).error, out_of_memory);
  EXPECT_EQ(grower.grow(129).value.size, 192u);
  EXPECT_EQ(grower.grow(65).error, out_of_memory);
  EXPECT_EQ(grower.grow(64).value, (Range{buffer + 192, 64}));
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
  EXPECT_TRUE(grower.grow(0).ok());
}

TEST(FixedBuffer, UsesOnlyWholePagesOfACrookedBuffer) {
  alignas(64) std::byte buffer[256];
  FixedBuffer<64> grower{buffer + 1, 254};
  EXPECT_EQ(grower.grow(1).value.begin, buffer + 64);
  EXPECT_EQ(grower.grow(64).value.begin, buffer + 128);
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
}

TEST(FixedBuffer, MayBeTooSmallForAnything) {
  alignas(64) std::byte buffer[64];
  FixedBuffer<64> small{buffer, 63};
  EXPECT_EQ(small.grow(1).error, out_of_memory);
  FixedBuffer<64> crooked{buffer + 8, 50};
  EXPECT_EQ(crooked.grow(1).error, out_of_memory);
  FixedBuffer<64> none{nullptr, 0};
  EXPECT_EQ(none.grow(1).error, out_of_memory);
  EXPECT_TRUE(none.grow(0).ok());
}

TEST(FixedBuffer, ExtendsOnlyTheYoungest) {
  alignas(64) std::byte buffer[256];
  FixedBuffer<64> grower{buffer, sizeof buffer};
  const Range first = grower.grow(64).value;
  const Range second = grower.grow(64).value;
  EXPECT_EQ(grower.extend(first.end(), 8).error, out_of_memory);
  EXPECT_EQ(grower.extend(second.end(), 8).value, (Range{buffer + 128, 64}));
  EXPECT_EQ(grower.extend(second.end(), 8).error, out_of_memory);
}

TEST(FixedBuffer, OwnsWhatItHasGiven) {
  alignas(64) std::byte buffer[256];
  FixedBuffer<64> grower{buffer, sizeof buffer};
  EXPECT_FALSE(grower.owns({buffer, 1}));
  (void)grower.grow(100);
  EXPECT_TRUE(grower.owns({buffer, 128}));
  EXPECT_FALSE(grower.owns({buffer, 129}));
}

// The seed's toy heap.
TEST(ToyHeap, Has256KiBInPagesOf64) {
  static ToyHeap<> heap;
  EXPECT_EQ(heap.page_size(), 64u);
  std::size_t pages = 0;
  while (heap.grow(1).ok()) ++pages;
  EXPECT_EQ(pages, 4096u);
  EXPECT_EQ(heap.pages_used(), 4096u);
  EXPECT_EQ(heap.grow(1).error, out_of_memory);
}

TEST(ToyHeap, IsConstantInitialised) {
  static constinit ToyHeap<1024, 128> heap;
  EXPECT_EQ(heap.grow(1024).value.size, 1024u);
}

}  // namespace
}  // namespace basalt
