// The lock-free allocator against an oracle that remembers every live block, driven by several threads.
//
// Each thread draws its own steps from its own seed, so that its requests can be repeated exactly: set BASALT_SEED to
// the number that it prints. How the threads interleave is the machine's affair.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "basic/lock_free_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "support/seed.hpp"

namespace basalt {
namespace {

// Every live block of every thread. A block is written down after it was got and struck out before it is given back,
// so two blocks that overlap here overlapped in truth.
class Oracle {
 public:
  void got(Range block) {
    const std::lock_guard hold{mutex_};
    const auto next = live_.lower_bound(address_of(block.begin));
    const bool clear_behind = next == live_.end() || next->first >= address_of(block.end());
    const bool clear_before =
        next == live_.begin() || std::prev(next)->first + std::prev(next)->second <= address_of(block.begin);
    EXPECT_TRUE(clear_behind && clear_before) << block.begin << " overlaps another live block";
    live_.emplace(address_of(block.begin), block.size);
    bytes_ += block_size(block.size);
  }

  void gives(Range block) {
    const std::lock_guard hold{mutex_};
    EXPECT_EQ(live_.erase(address_of(block.begin)), 1U);
    bytes_ -= block_size(block.size);
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> live_;
  std::size_t bytes_ = 0;
};

template <class Heap>
class Client {
 public:
  Client(Heap& heap, Oracle& oracle, unsigned seed) : heap_{heap}, oracle_{oracle}, random_{seed} {}

  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) {
      switch (draw(live_.size() < 40 ? 3 : 6)) {
        case 0:
        case 1:
          allocate();
          break;
        case 2:
          reallocate();
          break;
        default:
          deallocate();
      }
    }
  }

  void give_all_back() {
    while (!live_.empty()) deallocate();
  }

 private:
  struct Block {
    Range range;
    std::size_t alignment;
    unsigned char mark;
  };

  std::size_t draw(std::size_t below) { return random_() % below; }
  std::size_t size() { return draw(8) == 0 ? draw(8000) : draw(200); }

  void allocate() {
    const Layout layout{size(), std::size_t{8} << draw(5)};
    const Result<std::byte*> block = heap_.allocate(layout);
    if (!block.ok()) return;
    EXPECT_TRUE(is_aligned(block.value, layout.alignment));
    keep({{block.value, layout.size}, layout.alignment, 0});
  }

  void keep(Block block) {
    oracle_.got(block.range);
    block.mark = static_cast<unsigned char>(draw(256));
    std::memset(block.range.begin, block.mark, block.range.size);
    live_.push_back(block);
  }

  Block pick() {
    const std::size_t index = draw(live_.size());
    std::swap(live_[index], live_.back());
    const Block block = live_.back();
    live_.pop_back();
    return block;
  }

  static void expect_kept(const Block& block, std::size_t bytes) {
    const auto differs = [&](std::byte b) { return b != std::byte{block.mark}; };
    EXPECT_FALSE(std::any_of(block.range.begin, block.range.begin + bytes, differs))
        << "contents have changed";
  }

  void reallocate() {
    if (live_.empty()) return;
    Block block = pick();
    const std::size_t wanted = size();
    oracle_.gives(block.range);
    const Result<std::byte*> moved =
        heap_.reallocate(block.range.begin, block.range.size, {wanted, block.alignment});
    if (moved.ok()) {
      EXPECT_TRUE(is_aligned(moved.value, block.alignment));
      const std::size_t common = std::min(block.range.size, wanted);
      block.range = {moved.value, wanted};
      expect_kept(block, common);
    }
    keep(block);
  }

  void deallocate() {
    if (live_.empty()) return;
    const Block block = pick();
    expect_kept(block, block.range.size);
    oracle_.gives(block.range);
    heap_.deallocate(block.range.begin, block.range.size);
  }

  Heap& heap_;
  Oracle& oracle_;
  std::mt19937 random_;
  std::vector<Block> live_;
};

template <class Heap>
void drive(Heap& heap, std::size_t threads, std::size_t steps) {
  const auto base = static_cast<unsigned>(test::seed());
  Oracle oracle;
  std::vector<Client<Heap>> clients;
  for (unsigned i = 0; i < threads; ++i) clients.emplace_back(heap, oracle, base + i);
  for (int round = 0; round < 4; ++round) {
    std::vector<std::thread> running;
    for (Client<Heap>& client : clients) running.emplace_back([&] { client.run(steps / 4); });
    for (std::thread& thread : running) thread.join();
    EXPECT_EQ(heap.validate().broken(), Law::none) << name(heap.validate().broken());
    EXPECT_TRUE(heap.stats().conserved());
    EXPECT_EQ(heap.stats().live_bytes, oracle.bytes());
    (void)heap.trim();
    if (testing::Test::HasFailure()) return;
  }
  for (Client<Heap>& client : clients) client.give_all_back();
  EXPECT_EQ(heap.stats().live_bytes, 0U);
  EXPECT_EQ(heap.stats().free_bytes, heap.stats().grown_bytes);
  EXPECT_EQ(heap.validate().broken(), Law::none);
}

TEST(LockFreeModel, OneThreadOverPages) {
  LockFreeAlloc<AtLeast<MmapGrower<RawOs>, 256 * KiB>> heap;
  drive(heap, 1, 20'000);
}

TEST(LockFreeModel, ManyThreadsOverPages) {
  LockFreeAlloc<AtLeast<MmapGrower<RawOs>, 256 * KiB>> heap;
  drive(heap, 4, 8'000);
}

TEST(LockFreeModel, ManyThreadsInABufferThatIsTooSmall) {
  LockFreeAlloc<ToyHeap<64 * KiB>> heap;
  drive(heap, 4, 2'000);
}

TEST(LockFreeModel, MoreThreadsThanSeats) {
  LockFreeAlloc<AtLeast<MmapGrower<RawOs>, 256 * KiB>, StdAtomics, 2> heap;
  drive(heap, 6, 2'000);
}

}  // namespace
}  // namespace basalt
