// The short paths where they must not serve, and how a thread finds its heap. Where they serve, every other test sees it.

#include "engine/short_path.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace basalt::engine {
namespace {

TEST(ShortPaths, OfAHeapThatIsNobodysServeNoCallAtAll) {
  HeapFront nobodys;
  int x = 0;
  void* slot = &x;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, largest_small, largest_small + 1, SIZE_MAX}) {
    EXPECT_FALSE(nobodys.allocate(size, slot)) << size;
    EXPECT_FALSE(nobodys.free(&x, size)) << size;
  }
  EXPECT_EQ(slot, &x);
  EXPECT_FALSE(nobodys.free(nullptr));
  EXPECT_FALSE(nobodys.free(&x));
  EXPECT_FALSE(nobodys.free(reinterpret_cast<void*>(UINTPTR_MAX)));
}

TEST(ShortPaths, LeaveABlockOfAnotherHeapAlone) {
  std::atomic<MapEntry> entries[2] = {entry_for(7, 1), entry_for(8, 1)};
  alignas(16) static std::byte window[2 * slice_bytes];
  alignas(16) void* words[12] = {};  // the bin's array lies before the place for bins without one
  void** const nowhere = words + 10;
  HeapFront mine;
  mine.window = {address_of(window), 2, entries};
  mine.tag = tag_of(7);
  mine.small_limit = largest_small + 1;
  mine.bins[1].start(nowhere);
  auto held = mine.bins[1].close(nowhere);
  mine.bins[1].move_to(words + Bin<>::ahead, 2, held);
  mine.bins[1].open(held);
  EXPECT_TRUE(mine.free(&window[0]));
  EXPECT_FALSE(mine.free(&window[slice_bytes]));
  EXPECT_FALSE(mine.free(&window[0], 100)) << "a block of another class";
  EXPECT_TRUE(mine.free(&window[16], 16));
  EXPECT_FALSE(mine.free(&window[32])) << "the bin is full";
  void* slot = nullptr;
  EXPECT_TRUE(mine.allocate(1, slot));
  EXPECT_EQ(slot, &window[16]);
}

TEST(ShortPaths, EachThreadHasAHeapOfItsOwn) {
  using Own = OwnHeap<HeapFront<>>;
  HeapFront first;
  HeapFront<>* const before = Own::heap();
  Own::give(&first);
  EXPECT_EQ(Own::heap(), &first);
  std::thread{[&] { EXPECT_EQ(Own::heap(), before); }}.join();
  EXPECT_NE(Own::departed(), before);
  Own::give(before);
}

}  // namespace
}  // namespace basalt::engine
