#include "engine/outlying.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "engine/engine.hpp"
#include "platform/raw_os.hpp"
#include "support/crowded_os.hpp"
#include "support/failing_os.hpp"
#include "support/seed.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

TEST(Outlying, FindsEachChunkByEveryAddressInIt) {
  auto chunks = std::make_unique<Outlying<RawOs>>();
  EXPECT_EQ(chunks->find(0x7f00'0000'0000), chunks->none);
  auto* const place = reinterpret_cast<std::byte*>(0x7f12'3440'0000);
  ASSERT_TRUE(chunks->add(5, 3, place));
  EXPECT_EQ(chunks->find(0x7f12'343f'ffff), chunks->none);
  EXPECT_EQ(chunks->find(0x7f12'3440'0000), 5U);
  EXPECT_EQ(chunks->find(0x7f12'347f'ffff), 5U);
  EXPECT_EQ(chunks->find(0x7f12'34bf'ffff), 6U);
  EXPECT_EQ(chunks->find(0x7f12'34ff'ffff), 7U);
  EXPECT_EQ(chunks->find(0x7f12'3500'0000), chunks->none);
  EXPECT_EQ(chunks->address(6), place + 4 * MiB);
  chunks->remove(6, 1);
  EXPECT_EQ(chunks->find(0x7f12'3480'0000), chunks->none);
  EXPECT_EQ(chunks->find(0x7f12'34c0'0000), 7U);
}

TEST(Outlying, AnyAddressMayBeAskedFor) {
  auto chunks = std::make_unique<Outlying<RawOs>>();
  ASSERT_TRUE(chunks->add(0, 1, reinterpret_cast<std::byte*>(0x40'0000)));
  for (const std::uintptr_t wild : {std::uintptr_t{0}, std::uintptr_t{1} << 48, ~std::uintptr_t{0}})
    EXPECT_EQ(chunks->find(wild), chunks->none);
}

// Somebody else has all of the window but its first chunk.
using Crowded = test::CrowdedOs<RawOs, struct OfOutlying>;

class OutsideTheWindow : public testing::Test {
 protected:
  struct Tag;
  using Crowd = test::TestEngine<Crowded, Tag>;

  void SetUp() override {
    Crowded::vacant = 1;
    test::TestThread<Crowded, Tag>::forget();
  }
  void TearDown() override { EXPECT_STREQ(engine_.broken_law(), nullptr); }

  Crowd& engine_ = *new Crowd;
};

TEST_F(OutsideTheWindow, BlocksOfEverySizeAreServedAndTakenBack) {
  test::Dice dice{test::seed()};
  struct Block {
    unsigned char* begin;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  for (int step = 0; step < 20'000; ++step) {
    const auto mark = static_cast<unsigned char>(step);
    if (blocks.size() < 1'500 || dice.below(2) == 0) {
      const std::size_t size = dice.one_in(300) ? dice.below(9 * MiB) : dice.below(20 * KiB);
      auto* const begin = static_cast<unsigned char*>(engine_.allocate(size, 16));
      ASSERT_NE(begin, nullptr);
      ASSERT_TRUE(engine_.owns(begin));
      ASSERT_GE(engine_.usable_size(begin), size);
      if (size != 0) begin[0] = begin[size - 1] = mark;
      blocks.push_back({begin, size, mark});
    } else {
      std::swap(blocks[dice.below(blocks.size())], blocks.back());
      const Block block = blocks.back();
      blocks.pop_back();
      if (block.size != 0) {
        ASSERT_EQ(block.begin[0], block.mark);
        ASSERT_EQ(block.begin[block.size - 1], block.mark);
      }
      ASSERT_TRUE(engine_.deallocate(block.begin));
    }
  }
  for (const Block& block : blocks) ASSERT_TRUE(engine_.deallocate(block.begin));
  (void)engine_.trim();
  EXPECT_EQ(engine_.stats().live_bytes, 0U);
}

TEST_F(OutsideTheWindow, HugeBlocksGrow) {
  for (int i = 0; i < 3; ++i) (void)engine_.allocate(2 * MiB, 16);
  auto* block = static_cast<unsigned char*>(engine_.allocate(5 * MiB, 16));
  block[0] = block[5 * MiB - 1] = 7;
  block = static_cast<unsigned char*>(engine_.reallocate(block, 50 * MiB));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block[0], 7);
  EXPECT_EQ(block[5 * MiB - 1], 7);
  EXPECT_TRUE(engine_.deallocate(block));
}

TEST_F(OutsideTheWindow, HugeBlocksAreAligned) {
  for (std::size_t alignment = 16; alignment <= 64 * MiB; alignment *= 4) {
    void* const block = engine_.allocate(3 * MiB, alignment);
    EXPECT_EQ(address_of(block) % alignment, 0U) << alignment;
    EXPECT_TRUE(engine_.deallocate(block));
  }
}

TEST_F(OutsideTheWindow, NoRefusalLosesMemory) {
  using Refusing = test::FailingOs<Crowded, struct OfCrowded>;
  using Refused = test::TestEngine<Refusing, Tag>;
  for (std::size_t k = 1; k <= 40; ++k) {
    Crowded::vacant = 1;
    Refusing::reset();
    test::TestThread<Refusing, Tag>::forget();
    auto& engine = *new Refused;
    ASSERT_NE(engine.allocate(1, 16), nullptr);
    Refusing::fail_at(test::Operation::any, k);
    std::vector<void*> blocks;
    for (const std::size_t size : {3 * MiB, MiB, 20 * MiB, 2 * MiB, 30 * KiB, 2 * MiB, 9 * MiB}) {
      if (void* const block = engine.allocate(size, 16)) blocks.push_back(block);
    }
    EXPECT_GE(blocks.size(), 6U) << "refused once, at " << k;
    for (void* const block : blocks) ASSERT_TRUE(engine.deallocate(block));
    Refusing::refuse_nothing_more();
    (void)engine.trim();
    EXPECT_STREQ(engine.broken_law(), nullptr) << "refused at " << k;
    EXPECT_LE(engine.stats().live_bytes, 16U);
  }
}

}  // namespace
}  // namespace basalt::engine
