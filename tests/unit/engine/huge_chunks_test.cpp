#include "engine/huge_chunks.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "platform/raw_os.hpp"

namespace basalt::engine {
namespace {

// Opens what a Space keeps to itself; there is one thread, so no lock.
struct Blocks : HugeChunks<RawOs> {
  Blocks() { EXPECT_NE(lay_out(), none); }
  using HugeChunks::keep_block;
  using HugeChunks::kept_rightly;
  using HugeChunks::release_all_kept;
  using HugeChunks::release_block;
  using HugeChunks::release_kept;
  using HugeChunks::resize_block;
  using HugeChunks::take_block;
};

class HugeChunksTest : public testing::Test {
 protected:
  ~HugeChunksTest() override {
    EXPECT_TRUE(blocks_->kept_rightly());
    blocks_->release_all_kept();
    EXPECT_EQ(blocks_->kept_bytes(), 0U);
  }
  std::unique_ptr<Blocks> blocks_ = std::make_unique<Blocks>();
};

TEST_F(HugeChunksTest, ABlockThatWasKeptIsTheNextOne) {
  const std::size_t first = blocks_->take_block(5 * MiB, 1);
  blocks_->keep_block(first);
  EXPECT_EQ(blocks_->huge_bytes(), 0U);
  EXPECT_EQ(blocks_->kept_dirty_bytes(), 5 * MiB);
  EXPECT_EQ(blocks_->take_block(5 * MiB, 1), first);
  EXPECT_EQ(blocks_->kept_bytes(), 0U);
  blocks_->release_block(first);
  EXPECT_EQ(blocks_->huge_bytes(), 0U);
}

TEST_F(HugeChunksTest, OfThoseThatWereKeptTheClosestIsTaken) {
  const std::size_t long_one = blocks_->take_block(12 * MiB, 1);
  const std::size_t close = blocks_->take_block(9 * MiB, 1);
  const std::size_t short_one = blocks_->take_block(4 * MiB, 1);
  for (const std::size_t block : {long_one, close, short_one}) blocks_->keep_block(block);
  EXPECT_EQ(blocks_->take_block(8 * MiB, 1), close);
  EXPECT_TRUE(blocks_->kept_rightly());
  EXPECT_EQ(blocks_->kept_bytes(), 17 * MiB) << "1 MiB of it is spare";
  blocks_->release_block(close);
  EXPECT_EQ(blocks_->kept_bytes(), 16 * MiB);
  EXPECT_TRUE(blocks_->kept_rightly());
}

TEST_F(HugeChunksTest, WhatIsSpareComesBackWithItsBlock) {
  const std::size_t block = blocks_->take_block(20 * MiB, 1);
  blocks_->keep_block(block);
  ASSERT_EQ(blocks_->take_block(6 * MiB, 1), block);
  EXPECT_EQ(blocks_->huge_bytes(), 6 * MiB);
  EXPECT_EQ(blocks_->kept_dirty_bytes(), 14 * MiB);
  ASSERT_EQ(blocks_->resize_block(block, 15 * MiB, false), block) << "into what is spare";
  EXPECT_EQ(blocks_->huge_bytes(), 15 * MiB);
  EXPECT_EQ(blocks_->kept_bytes(), 5 * MiB);
  EXPECT_TRUE(blocks_->kept_rightly());
  blocks_->keep_block(block);
  EXPECT_EQ(blocks_->huge_bytes(), 0U);
  EXPECT_EQ(blocks_->kept_bytes(), 20 * MiB);
  ASSERT_EQ(blocks_->take_block(20 * MiB, 1), block);
  EXPECT_EQ(blocks_->kept_bytes(), 0U);
  EXPECT_TRUE(blocks_->kept_rightly());
  blocks_->release_block(block);
}

TEST_F(HugeChunksTest, WhatIsSpareGoesBackWhenTooMuchIsKept) {
  const std::size_t block = blocks_->take_block(20 * MiB, 1);
  blocks_->keep_block(block);
  ASSERT_EQ(blocks_->take_block(6 * MiB, 1), block);
  blocks_->release_kept(15 * MiB, 0);
  EXPECT_EQ(blocks_->kept_bytes(), 14 * MiB) << "that is not too much";
  blocks_->release_kept(10 * MiB, 0);
  EXPECT_EQ(blocks_->kept_bytes(), 0U);
  EXPECT_EQ(blocks_->huge_bytes(), 6 * MiB);
  EXPECT_EQ(blocks_->use(block + 2), ChunkUse::absent);
  EXPECT_TRUE(blocks_->kept_rightly());
  ASSERT_EQ(blocks_->resize_block(block, 3 * MiB, false), block);
  EXPECT_EQ(blocks_->huge_bytes(), 3 * MiB);
  blocks_->release_block(block);
}

TEST_F(HugeChunksTest, TheFirstThatWasKeptGoesFirst) {
  const std::size_t first = blocks_->take_block(5 * MiB, 1);
  const std::size_t second = blocks_->take_block(6 * MiB, 1);
  blocks_->keep_block(first);
  blocks_->keep_block(second);
  blocks_->release_kept(6 * MiB, 0);
  EXPECT_EQ(blocks_->kept_bytes(), 6 * MiB);
  EXPECT_EQ(blocks_->use(first), ChunkUse::absent);
}

TEST_F(HugeChunksTest, OneThatStaysIsOnlyMadeLongerWhereItIs) {
  const std::size_t block = blocks_->take_block(5 * MiB, 1);
  EXPECT_EQ(blocks_->resize_block(block, 3 * MiB, true), Blocks::none);
  ASSERT_EQ(blocks_->resize_block(block, 20 * MiB, true), block);
  const std::size_t behind = blocks_->take_block(5 * MiB, 1);
  EXPECT_EQ(blocks_->resize_block(block, 50 * MiB, true), Blocks::none) << "another is in the way";
  EXPECT_EQ(blocks_->huge_bytes(), 25 * MiB);
  blocks_->release_block(block);
  blocks_->release_block(behind);
}

TEST_F(HugeChunksTest, ABlockGrowsAndShrinksAndIsCountedAsLongAsItIs) {
  std::size_t block = blocks_->take_block(5 * MiB, 1);
  block = blocks_->resize_block(block, 50 * MiB, false);
  ASSERT_NE(block, Blocks::none);
  EXPECT_EQ(blocks_->huge_bytes(), 50 * MiB);
  block = blocks_->resize_block(block, 3 * MiB, false);
  EXPECT_EQ(blocks_->huge_bytes(), 3 * MiB);
  blocks_->release_block(block);
}

}  // namespace
}  // namespace basalt::engine
