// Calls from a signal handler that has interrupted its own thread in a slow path: here at the very place where the thread
// holds the most locks, while it asks the system for memory.
#include "engine/nested.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

TEST(NestedBlocks, AreAsManyAsThereAreSlots) {
  auto blocks = std::make_unique<NestedBlocks<RawOs>>();
  EXPECT_FALSE(blocks->owns(&blocks));
  EXPECT_FALSE(blocks->free(&blocks));
  std::set<void*> taken;
  while (void* const block = blocks->allocate(blocks->slot_bytes, 16)) {
    std::memset(block, 7, blocks->slot_bytes);
    EXPECT_TRUE(blocks->owns(block));
    EXPECT_TRUE(taken.insert(block).second);
  }
  EXPECT_EQ(taken.size(), 64U);
  EXPECT_TRUE(blocks->free(*taken.begin()));
  EXPECT_EQ(blocks->allocate(1, 4096), *taken.begin());
  EXPECT_EQ(blocks->allocate(blocks->slot_bytes + 1, 16), nullptr);
}

// Has something happen whenever it maps memory.
struct Interrupting : RawOs {
  static inline std::function<void()> handler;
  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    if (handler) handler();
    return RawOs::map_at(at, bytes);
  }
};

class Interrupted : public testing::Test {
 protected:
  struct Tag;
  using Tested = test::TestEngine<Interrupting, Tag>;

  void SetUp() override {
    Interrupting::handler = nullptr;
    test::TestThread<Interrupting, Tag>::forget();
    kept_ = engine_.allocate(100, 16);
  }

  // Effects: `handler` runs once or more in the midst of slow paths of every kind.
  void interrupt(std::function<void()> handler) {
    Interrupting::handler = [&] { ++interruptions_, handler(); };
    for (const std::size_t size : {5 * MiB, 2 * MiB, 2 * MiB, 2 * MiB, 30 * MiB}) {
      void* const block = engine_.allocate(size, 16);
      ASSERT_NE(block, nullptr);
      blocks_.push_back(engine_.reallocate(block, 2 * size));
    }
    for (int i = 0; i < 3'000; ++i) blocks_.push_back(engine_.allocate(8 * KiB, 16));
    Interrupting::handler = nullptr;
    EXPECT_GT(interruptions_, 5);
    for (void* const block : blocks_) EXPECT_TRUE(engine_.deallocate(block));
    EXPECT_STREQ(engine_.broken_law(), nullptr);
  }

  Tested& engine_ = *new Tested;
  void* kept_ = nullptr;
  std::vector<void*> blocks_;
  int interruptions_ = 0;
};

TEST_F(Interrupted, WhatIsAllocatedThereIsGoodAndFreedThere) {
  interrupt([&] {
    std::vector<void*> mine;
    for (const std::size_t size : {0U, 1U, 100U, 3000U, 16384U}) {
      void* block = engine_.allocate(size, 16);
      ASSERT_NE(block, nullptr);
      ASSERT_GE(engine_.usable_size(block), size);
      block = engine_.reallocate(block, size + 100 < 16'384 ? size + 100 : size);
      ASSERT_NE(block, nullptr);
      std::memset(block, 7, size);
      mine.push_back(block);
    }
    void* const zeroed = engine_.allocate_zeroed(5'000);
    ASSERT_NE(zeroed, nullptr);
    mine.push_back(zeroed);
    for (; !mine.empty(); mine.pop_back()) ASSERT_TRUE(engine_.deallocate(mine.back()));
  });
}

TEST_F(Interrupted, MoreThanCanBeServedThereIsRefused) {
  interrupt([&] {
    EXPECT_EQ(engine_.allocate(100 * KiB, 16), nullptr);
    EXPECT_EQ(engine_.allocate(10 * MiB, 4096), nullptr);
    EXPECT_EQ(engine_.allocate_zeroed(MiB), nullptr);
    EXPECT_FALSE(engine_.trim());
  });
}

// A block from there may live longer than the handler, and grow out of it.
TEST_F(Interrupted, WhatIsAllocatedThereMayBeFreedLater) {
  std::vector<void*> later;
  interrupt([&] {
    if (later.size() < 10) later.push_back(engine_.allocate(2'000, 16));
  });
  for (void* const block : later) {
    ASSERT_TRUE(engine_.owns(block));
    std::memset(block, 7, 2'000);
    auto* const longer = static_cast<char*>(engine_.reallocate(block, 100'000));
    ASSERT_NE(longer, nullptr);
    EXPECT_EQ(longer[1'999], 7);
    EXPECT_TRUE(engine_.deallocate(longer, 100'000));
  }
}

TEST_F(Interrupted, WhoForksThereDoesNotWait) {
  bool forked = false;
  interrupt([&] {
    if (forked) return;
    forked = true;
    engine_.before_fork();
    engine_.after_fork_in_parent();
  });
  EXPECT_TRUE(forked);
}

}  // namespace
}  // namespace basalt::engine
