#include "basic/free_block.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "basic/block_list.hpp"

namespace basalt {
namespace {

static_assert(sizeof(FreeHeader) == 2 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<FreeBlock> && !std::is_copy_assignable_v<FreeBlock>);
static_assert(std::is_nothrow_move_constructible_v<FreeBlock> && !std::is_move_assignable_v<FreeBlock>);

alignas(64) std::byte memory[512];

TEST(FreeBlock, WritesItsHeaderAtTheBeginning) {
  FreeBlock block = FreeBlock::over({memory, 64});
  EXPECT_EQ(block.range(), (Range{memory, 64}));
  const FreeHeader* const header = std::move(block).release();
  EXPECT_EQ(static_cast<const void*>(header), memory);
  EXPECT_EQ(header->size, 64u);
  EXPECT_EQ(header->next, nullptr);
}

TEST(FreeBlock, MovesItsOwnership) {
  FreeBlock first = FreeBlock::over({memory, 64});
  FreeBlock second = std::move(first);  // the first is destroyed as the owner of nothing
  EXPECT_EQ(second.size(), 64u);
  std::move(second).release();
}

TEST(FreeBlock, SplitsOffItsTail) {
  FreeBlock block = FreeBlock::over({memory, 64});
  EXPECT_EQ(block.split(24), (Range{memory + 40, 24}));
  EXPECT_EQ(block.range(), (Range{memory, 40}));
  EXPECT_EQ(block.split(24), (Range{memory + 16, 24}));
  EXPECT_EQ(block.size(), least_block);
  std::move(block).release();
}

TEST(FreeBlock, KnowsHowItLiesToOthers) {
  FreeBlock block = FreeBlock::over({memory + 128, 64});
  EXPECT_EQ(block.relation_to({memory + 256, 16}), Relation::before);
  EXPECT_EQ(block.relation_to({memory + 192, 16}), Relation::adjacent_before);
  EXPECT_EQ(block.relation_to({memory + 184, 16}), Relation::overlapping);
  EXPECT_EQ(block.relation_to({memory + 144, 16}), Relation::overlapping);
  EXPECT_EQ(block.relation_to({memory, 512}), Relation::overlapping);
  EXPECT_EQ(block.relation_to({memory + 112, 16}), Relation::adjacent_after);
  EXPECT_EQ(block.relation_to({memory, 16}), Relation::after);
  std::move(block).release();
}

TEST(Link, InsertsPopsAndMergesAnywhereAlike) {
  FreeHeader* head = nullptr;
  Link link{head};
  link.insert(FreeBlock::over({memory + 64, 32}));
  link.next().insert(FreeBlock::over({memory + 96, 32}));  // behind it
  link.insert(FreeBlock::over({memory, 32}));              // before it: the head is no special case
  EXPECT_FALSE(link.try_merge_next());                     // a gap of 32
  EXPECT_TRUE(link.next().try_merge_next());
  EXPECT_FALSE(link.next().try_merge_next());  // nothing follows

  FreeBlock last = link.next().pop();
  EXPECT_EQ(last.range(), (Range{memory + 64, 64}));
  FreeBlock first = link.pop();
  EXPECT_EQ(first.range(), (Range{memory, 32}));
  EXPECT_EQ(head, nullptr);
  std::move(last).release();
  std::move(first).release();
}

}  // namespace
}  // namespace basalt
