#include "source/sbrk_grower.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "source/tracked.hpp"
#include "support/in_child.hpp"
#include "support/shared_break.hpp"

namespace basalt {
namespace {

using test::SharedBreak;
using Grower = SbrkGrower<SharedBreak>;

TEST(SbrkGrower, GrowthsAreWholePagesAndContiguous) {
  SharedBreak::reset();
  Grower grower;
  const std::size_t page = grower.page_size();
  const Range first = grower.grow(1).value;
  const Range second = grower.grow(page + 1).value;
  EXPECT_EQ(first, (Range{SharedBreak::segment, page}));
  EXPECT_EQ(second, (Range{first.end(), 2 * page}));
  EXPECT_EQ(grower.pages(), 3u);
  EXPECT_EQ(grower.growths(), 2u);
}

TEST(SbrkGrower, BeginsAtTheNextPageWhenTheBreakIsInsideOne) {
  SharedBreak::reset(100);
  Grower grower;
  const std::size_t page = grower.page_size();
  EXPECT_EQ(grower.grow(1).value, (Range{SharedBreak::segment + page, page}));
  SharedBreak::at += 24;  // somebody takes a little
  EXPECT_EQ(grower.grow(page).value, (Range{SharedBreak::segment + 3 * page, page}));
}

TEST(SbrkGrower, ExtendsInPlaceWhileNobodyElseMovesTheBreak) {
  SharedBreak::reset();
  Grower grower;
  const std::size_t page = grower.page_size();
  const Range first = grower.grow(1).value;
  EXPECT_EQ(grower.extend(first.end(), 1).value, (Range{first.end(), page}));
  EXPECT_EQ(grower.extend(first.end(), 1).error, out_of_memory);
  SharedBreak::at += page;
  EXPECT_EQ(grower.extend(first.end() + page, 1).error, out_of_memory);
}

TEST(SbrkGrower, RefusalChangesNothing) {
  SharedBreak::reset();
  Grower grower;
  EXPECT_EQ(grower.grow(SharedBreak::size + 1).error, out_of_memory);
  EXPECT_EQ(grower.pages(), 0u);
  EXPECT_EQ(grower.grow(SharedBreak::size).value.begin, SharedBreak::segment);
  EXPECT_EQ(grower.extend(SharedBreak::segment + SharedBreak::size, 1).error, out_of_memory);
}

// Somebody takes memory between any two of our calls, any number of bytes: nothing of his is ever handed out, nothing
// twice, and of what the break gave us at most a page is lost each time.
TEST(SbrkGrower, NeverHandsOutWhatOthersTookInBetween) {
  const std::size_t page = SharedBreak::page_size();
  for (std::size_t others_at = 1; others_at <= 12; ++others_at) {
    for (const std::size_t others_bytes : {std::size_t{8}, page / 2, page, page + 8, 3 * page}) {
      for (const std::size_t begin : {std::size_t{0}, std::size_t{40}, page - 8}) {
        SharedBreak::reset(begin);
        SharedBreak::others_at = others_at;
        SharedBreak::others_bytes = others_bytes;
        Grower grower;
        std::vector<Range> ours;
        const auto note = [&](Result<Range> growth, std::size_t wanted) {
          if (!growth.ok()) return;
          ASSERT_GE(growth.value.size, wanted);
          for (const Range& other : ours) ASSERT_NE(relation(growth.value, other), Relation::overlapping);
          ASSERT_TRUE((Range{SharedBreak::segment, SharedBreak::at}.contains(growth.value)));
          std::memset(growth.value.begin, 1, growth.value.size);
          ours.push_back(growth.value);
        };
        std::memset(SharedBreak::segment, 0, SharedBreak::at + 32 * page);
        for (int i = 0; i < 4; ++i) {
          note(grower.grow(2 * page), 2 * page);
          if (!ours.empty()) note(grower.extend(ours.back().end(), page), page);
        }
        for (std::size_t i = 0; i < SharedBreak::others.size; ++i) {
          ASSERT_EQ(SharedBreak::others.begin[i], std::byte{0});
        }
        std::size_t given = 0;
        for (const Range& range : ours) given += range.size;
        ASSERT_GE(ours.size(), 4u);
        ASSERT_EQ(grower.pages(), given / page);
      }
    }
  }
}

// What a lost race has left over is given out next, instead of being forgotten.
TEST(SbrkGrower, UsesWhatALostRaceHasLeft) {
  SharedBreak::reset();
  Grower grower;
  const std::size_t page = grower.page_size();
  const Range first = grower.grow(page).value;
  SharedBreak::others_at = 2;  // between extend's look at the break and its move
  SharedBreak::others_bytes = page;
  EXPECT_EQ(grower.extend(first.end(), 3 * page).error, out_of_memory);
  EXPECT_EQ(grower.grow(page).value, (Range{first.end() + page, page}));
  EXPECT_EQ(grower.extend(first.end() + 2 * page, 2 * page).value, (Range{first.end() + 2 * page, 2 * page}));
  EXPECT_EQ(SharedBreak::at, 5 * page);
}

// The real thing, beside a C library that uses the same break.
TEST(SbrkGrower, GetsOnWithTheCLibrary) {
  const int outcome = test::in_child([] {
    static constinit RawAlloc<Tracked<SbrkGrower<LibcOs>, LibcOs>> heap;
    std::vector<Range> blocks;
    std::vector<std::vector<char>> libc;
    for (std::size_t i = 1; i < 200; ++i) {
      const std::size_t size = i * 97 % 9000 + 1;
      const Result<std::byte*> block = heap.allocate({size});
      if (!block.ok()) return 1;
      std::memset(block.value, static_cast<int>(i), size);
      blocks.push_back({block.value, size});
      libc.emplace_back(i * 61 % 5000 + 1, '\xee');
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      for (std::size_t at = 0; at < blocks[i].size; ++at) {
        if (blocks[i].begin[at] != static_cast<std::byte>(i + 1)) return 2;
      }
      heap.deallocate(blocks[i].begin, blocks[i].size);
    }
    for (const auto& bytes : libc) {
      for (const char byte : bytes) {
        if (byte != '\xee') return 3;
      }
    }
    return heap.stats().conserved() && heap.stats().live_bytes == 0 && heap.validate().valid() ? 0 : 4;
  });
  EXPECT_EQ(outcome, 0);
}

}  // namespace
}  // namespace basalt
