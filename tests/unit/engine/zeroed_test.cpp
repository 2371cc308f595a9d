// Blocks of zeroes: what the system gave and nobody has touched is not cleared, all else is.
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/seed.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

class Zeroed : public testing::Test {
 protected:
  struct Tag;
  using Tested = test::TestEngine<RawOs, Tag>;

  void SetUp() override { test::TestThread<RawOs, Tag>::forget(); }

  // Returns: whether every byte is 0; leaves none of them so.
  static bool was_zero(void* block, std::size_t size) {
    auto* const bytes = static_cast<unsigned char*>(block);
    const bool zero = std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
    std::memset(block, 0xa5, size);
    return zero;
  }

  Tested& engine_ = *new Tested;
};

TEST_F(Zeroed, AllOfEveryBlock) {
  test::Dice dice{test::seed()};
  std::vector<void*> blocks;
  for (int step = 0; step < 3'000; ++step) {
    const std::size_t size = dice.one_in(40) ? dice.below(7 * MiB) : dice.below(200 * KiB);
    void* const block = engine_.allocate_zeroed(size);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(was_zero(block, size)) << size << " bytes, step " << step;
    blocks.push_back(block);
    while (blocks.size() > 20) {
      std::swap(blocks[dice.below(blocks.size())], blocks.back());
      ASSERT_TRUE(engine_.deallocate(blocks.back()));
      blocks.pop_back();
    }
    if (dice.one_in(100)) (void)engine_.trim();
  }
  for (void* const block : blocks) ASSERT_TRUE(engine_.deallocate(block));
}

// Returns: how much of these bytes is in memory now.
std::size_t resident_bytes(const void* begin, std::size_t bytes) {
  const std::size_t page = RawOs::page_size();
  std::vector<unsigned char> in_memory(bytes / page);
  if (::mincore(const_cast<void*>(begin), bytes, in_memory.data()) != 0) return SIZE_MAX;
  return page * static_cast<std::size_t>(std::count_if(in_memory.begin(), in_memory.end(),
                                                       [](unsigned char flags) { return (flags & 1) != 0; }));
}

TEST_F(Zeroed, WhatTheSystemGivesIsNotTouched) {
  for (const std::size_t size : {MiB, 10 * MiB}) {
    void* const block = engine_.allocate_zeroed(size);
    const std::size_t resident = resident_bytes(block, size);
    if (resident == SIZE_MAX) GTEST_SKIP() << "this system does not say what is in memory";
    EXPECT_EQ(resident, 0U) << size;
  }
}

TEST_F(Zeroed, TooMuchIsRefused) { EXPECT_EQ(engine_.allocate_zeroed(SIZE_MAX), nullptr); }

}  // namespace
}  // namespace basalt::engine
