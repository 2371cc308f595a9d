#include "basic/unix_allocator.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/in_child.hpp"

namespace basalt {
namespace {

// Made by the compiler, and never destroyed: there is no moment, before `main` or after it, at which it is not whole.
constinit UnixAllocator heap;
static_assert(std::is_trivially_destructible_v<UnixAllocator>);
static_assert(!std::is_copy_constructible_v<UnixAllocator>);

// Runs before `main`, and perhaps before anything else of this file is ready.
struct BeforeMain {
  BeforeMain() {
    block = heap.allocate({100}).value;
    if (block != nullptr) std::memset(block, 0x5A, 100);
  }
  std::byte* block = nullptr;
};
const BeforeMain before_main;

TEST(UnixAllocator, CanBeUsedBeforeMain) {
  ASSERT_NE(before_main.block, nullptr);
  EXPECT_EQ(before_main.block[99], std::byte{0x5A});
  EXPECT_TRUE(heap.owns({before_main.block, 100}));
}

TEST(UnixAllocator, ItsFirstUseMayBeByManyThreadsAtOnce) {
  static constinit UnixAllocator fresh;
  constexpr std::size_t count = 4;
  constexpr std::size_t rounds = 200;
  std::array<std::vector<std::byte*>, count> blocks;
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < count; ++number) {
    threads.emplace_back([number, &mine = blocks[number]] {
      for (std::size_t i = 0; i < rounds; ++i) {
        mine.push_back(fresh.allocate({40}).value);
        std::memset(mine.back(), static_cast<int>(number + 1), 40);
        if (i % 3 != 0) continue;
        fresh.deallocate(mine.back(), 40);
        mine.pop_back();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fresh.stats().allocations, count * rounds);
  EXPECT_TRUE(fresh.validate().valid());
  EXPECT_TRUE(fresh.stats().conserved());
  for (std::size_t number = 0; number < count; ++number) {
    for (std::byte* const block : blocks[number]) {
      for (int i = 0; i < 40; ++i) ASSERT_EQ(block[i], static_cast<std::byte>(number + 1));
      fresh.deallocate(block, 40);
    }
  }
  EXPECT_EQ(fresh.stats().live_bytes, 0u);
}

TEST(UnixAllocator, GrowsByTheQuarterOfAMebibyte) {
  static constinit UnixAllocator fresh;
  ASSERT_TRUE(fresh.allocate({1}).ok());
  EXPECT_EQ(fresh.stats().grown_bytes, 256 * KiB);
  ASSERT_TRUE(fresh.allocate({200 * KiB}).ok());
  EXPECT_EQ(fresh.stats().grown_bytes, 256 * KiB) << "from what was left of it";
}

TEST(UnixAllocator, IsWholeInTheChildOfAFork) {
  std::byte* const block = heap.allocate({64}).value;
  heap.before_fork();
  const int in_the_child = test::in_child([&] {
    heap.after_fork();
    heap.deallocate(block, 64);
    const Result<std::byte*> own = heap.allocate({64});
    return own.ok() && heap.validate().valid() ? 7 : 1;
  });
  heap.after_fork();
  EXPECT_EQ(in_the_child, 7);
  heap.deallocate(block, 64);
  EXPECT_TRUE(heap.validate().valid());
}

}  // namespace
}  // namespace basalt
