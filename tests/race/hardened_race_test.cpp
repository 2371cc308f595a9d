// The hardened library in many hands: blocks change threads, wait in quarantine, move, and are purged meanwhile.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "hardened/hardened.hpp"
#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::hardened {
namespace {

struct OfHardenedRaces;
using Thread = test::TestThread<RawOs, OfHardenedRaces>;
using Heap = Hardened<RawOs, Thread>;

constexpr std::size_t sizes[] = {16, 100, 2000, 40 * KiB, 300 * KiB, 3 * MiB};
constexpr int rounds = 1'500;

// Where threads leave blocks for each other, one of each size.
class Shelf {
 public:
  void swap(Heap& heap, std::size_t place, unsigned char mark) {
    const std::size_t size = sizes[place];
    auto* const block = static_cast<unsigned char*>(heap.allocate(size, 16, Origin::malloc));
    ASSERT_NE(block, nullptr);
    block[0] = block[size - 1] = mark;
    drop(heap, places_[place].exchange(block, std::memory_order_acq_rel), size);
  }
  void clear(Heap& heap) {
    for (std::size_t i = 0; i < std::size(sizes); ++i)
      drop(heap, places_[i].exchange(nullptr, std::memory_order_acq_rel), sizes[i]);
  }

 private:
  static void drop(Heap& heap, unsigned char* block, std::size_t size) {
    if (block == nullptr) return;
    EXPECT_EQ(block[0], block[size - 1]);
    block = static_cast<unsigned char*>(heap.reallocate(block, size + size / 8));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(heap.deallocate(block, size + size / 8, Origin::malloc));
  }

  std::array<std::atomic<unsigned char*>, std::size(sizes)> places_{};
};

TEST(HardenedRace, BlocksChangeThreadsWhileOthersPurge) {
  Thread::forget();
  Heap& heap = *new Heap;
  Shelf shelf;
  std::atomic<bool> done{false};
  std::thread other{[&] {
    while (!done.load(std::memory_order_acquire)) {
      (void)heap.purge();
      heap.with_statistics([](const auto& now, const auto&) { EXPECT_EQ(now.broken_law(), nullptr); });
    }
    heap.park();
  }};
  std::vector<std::thread> all;
  for (int t = 0; t < 3; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        const bool large = i % 50 == 0;
        shelf.swap(heap, static_cast<std::size_t>(large ? 3 + i / 50 % 3 : (i + t) % 3),
                   static_cast<unsigned char>(i));
      }
      heap.park();
    });
  }
  for (std::thread& one : all) one.join();
  done.store(true, std::memory_order_release);
  other.join();
  shelf.clear(heap);
  (void)heap.purge();
  EXPECT_EQ(heap.broken_law(), nullptr);
  EXPECT_EQ(heap.stats().live_bytes, 0U);
}

}  // namespace
}  // namespace basalt::hardened
