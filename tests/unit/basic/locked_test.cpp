#include "basic/locked.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "source/fixed_buffer.hpp"

namespace basalt {
namespace {

// A lock that knows whether it is held, and by which of its ways.
class NotedLock {
 public:
  void lock() { take(locks); }
  void unlock() { held = false; }

  static inline bool held = false;
  static inline int locks = 0;

 protected:
  static void take(int& count) {
    EXPECT_FALSE(held) << "nested: a real lock would never be had";
    held = true;
    count += 1;
  }
};

class NotedForkLock : public NotedLock {
 public:
  void lock_for_fork() { take(forks); }
  void unlock_after_fork() { held = false; }

  static inline int forks = 0;
};

static_assert(!ForkAware<NotedLock> && ForkAware<NotedForkLock>);

// Stands in for a heap, and looks at the lock in every call.
struct Watchful {
  struct Grower {
    bool owns(Range) const { return seen(); }
  };

  static bool seen() {
    EXPECT_TRUE(NotedLock::held);
    calls += 1;
    return true;
  }
  Result<std::byte*> allocate(Layout) { return {nullptr, seen() ? out_of_memory : no_error}; }
  void deallocate(std::byte*, std::size_t) { seen(); }
  Result<std::byte*> reallocate(std::byte*, std::size_t, Layout) { return allocate({}); }
  bool trim() { return seen(); }
  HeapStats stats() const { return {.allocations = seen() ? 7u : 0u}; }
  Validity validate() const { return {.overlaps = seen() ? 7u : 0u}; }
  bool is_free(const std::byte*) const { return seen(); }
  Grower grower() const { return {}; }

  static inline int calls = 0;
};

class LockedTest : public testing::Test {
 protected:
  void SetUp() override { NotedLock::locks = NotedForkLock::forks = Watchful::calls = 0; }
};

TEST_F(LockedTest, HoldsTheLockDuringEveryCallAndPassesTheAnswerOn) {
  Locked<Watchful, NotedLock> heap;
  std::byte block{};
  EXPECT_EQ(heap.allocate({8}).error, out_of_memory);
  heap.deallocate(&block, 8);
  EXPECT_EQ(heap.reallocate(&block, 8, {16}).error, out_of_memory);
  EXPECT_TRUE(heap.trim());
  EXPECT_EQ(heap.stats().allocations, 7u);
  EXPECT_EQ(heap.validate().overlaps, 7u);
  EXPECT_TRUE(heap.is_free(&block));
  EXPECT_TRUE(heap.owns({&block, 1}));
  EXPECT_EQ(Watchful::calls, 8);
  EXPECT_EQ(NotedLock::locks, 8) << "once for each call";
  EXPECT_FALSE(NotedLock::held);
}

TEST_F(LockedTest, AForkHoldsAPlainLockAsAnyoneDoes) {
  Locked<Watchful, NotedLock> heap;
  heap.before_fork();
  EXPECT_TRUE(NotedLock::held);
  EXPECT_EQ(NotedLock::locks, 1);
  heap.after_fork();
  EXPECT_FALSE(NotedLock::held);
}

TEST_F(LockedTest, AForkTellsALockThatKnowsOfForks) {
  Locked<Watchful, NotedForkLock> heap;
  heap.before_fork();
  EXPECT_EQ(NotedForkLock::forks, 1);
  EXPECT_EQ(NotedLock::locks, 0);
  heap.after_fork();
  EXPECT_FALSE(NotedLock::held);
}

TEST(Holding, LastsAsLongAsItsScope) {
  NotedLock lock;
  {
    const Holding hold{lock};
    EXPECT_TRUE(NotedLock::held);
  }
  EXPECT_FALSE(NotedLock::held);
}

}  // namespace
}  // namespace basalt
