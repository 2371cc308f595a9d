#include "engine/space.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "engine/large.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/in_child.hpp"
#include "support/seed.hpp"

namespace basalt::engine {
namespace {

using Slices = engine::Run;  // `Run` has another meaning inside a test
using Refusing = test::FailingOs<RawOs, struct OfSpace>;

// What the kernel does where pages are larger: advice needs a page's address, and takes whole pages.
struct LargePages : RawOs {
  static constexpr std::size_t page_size() noexcept { return 64 * KiB; }
  static Error decommit(Range range) noexcept {
    if (!is_aligned(range.begin, page_size())) return Error{EINVAL};
    return RawOs::decommit({range.begin, align_up(range.size, page_size())});
  }
};

// Takes and gives at random; no slice may be handed out twice.
class Player {
 public:
  void step(test::Dice& dice) {
    const std::size_t choice = dice.below(8);
    if (runs_.empty() || choice < 4) return take(dice);
    const auto at = std::next(runs_.begin(), static_cast<long>(dice.below(runs_.size())));
    if (choice == 4) return extend(at, static_cast<unsigned>(1 + dice.below(4)));
    space_.give({at->first, at->second});
    runs_.erase(at);
    if (dice.one_in(50)) (void)space_.purge();
  }

  void check() {
    std::size_t used = 0;
    std::size_t end = 0;
    for (const auto& [first, count] : runs_) {
      ASSERT_LE(end, first) << "two runs overlap";
      end = first + count;
      used += count;
    }
    ASSERT_EQ(space_.used_bytes(), used * slice_bytes);
    ASSERT_STREQ(space_.broken_law(), nullptr);
  }

 private:
  using Runs = std::map<std::size_t, unsigned>;

  void take(test::Dice& dice) {
    const auto count = static_cast<unsigned>(1 + dice.below(dice.one_in(8) ? slices_per_chunk : 16));
    const unsigned alignment = dice.one_in(4) ? 1U << dice.below(9) : 1;
    const Slices run = space_.take(count, alignment);
    ASSERT_EQ(run.count, count);
    ASSERT_EQ(run.first % alignment, 0U);
    ASSERT_TRUE(is_aligned(space_.address(run.first), alignment * slice_bytes));
    *space_.address(run.first) = std::byte{1};
    ASSERT_TRUE(runs_.emplace(run.first, count).second);
  }

  void extend(Runs::iterator at, unsigned more) {
    const auto next = std::next(at);
    const std::size_t end = at->first + at->second;
    const bool room = end % slices_per_chunk != 0 && end % slices_per_chunk + more <= slices_per_chunk &&
                      (next == runs_.end() || next->first >= end + more);
    ASSERT_EQ(space_.extend({at->first, at->second}, more), room);
    if (room) at->second += more;
  }

  Space<RawOs>& space_ = *new Space<RawOs>;
  Runs runs_;
  bool ready_ = space_.ready();
};

TEST(Space, TakesAndGivesAsAModelDoes) {
  test::Dice dice{test::seed()};
  Player player;
  for (int step = 0; step < 4'000; ++step) {
    player.step(dice);
    player.check();
    if (testing::Test::HasFatalFailure()) FAIL() << "after step " << step;
  }
}

TEST(Space, TheLowestRunThatFitsIsTaken) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  const Slices odd = space.take(1);
  const Slices aligned = space.take(1, 64);
  EXPECT_EQ(odd.first, 0U);
  EXPECT_EQ(aligned.first, 64U);
  for (int i = 0; i < 3; ++i) (void)space.take(1, 64);  // all that there are in the first chunk, and one more
  EXPECT_EQ(space.take(1).first, 1U) << "what is not aligned is still there to be taken";
}

TEST(Space, PurgedMemoryReadsAsZeroAndItsNeighboursStay) {
  const auto check = [](auto& space) {
    ASSERT_TRUE(space.ready());
    Slices runs[16];
    for (Slices& run : runs) {
      run = space.take(3);
      std::memset(space.address(run.first), 7, 3 * slice_bytes);
    }
    for (int i = 0; i < 16; i += 3) space.give(runs[i]);
    (void)space.purge();
    EXPECT_STREQ(space.broken_law(), nullptr);
    for (int i = 0; i < 16; ++i) {
      for (std::size_t b = 0; i % 3 != 0 && b < 3 * slice_bytes; b += 512) {
        ASSERT_EQ(space.address(runs[i].first)[b], std::byte{7}) << "run " << i;
      }
    }
  };
  check(*new Space<RawOs>);
  check(*new Space<LargePages>);
}

TEST(Space, WhatCannotBePurgedStaysDirty) {
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  ASSERT_TRUE(space.ready());
  const Slices run = space.take(8);
  space.give(run);
  for (std::size_t k = 1; k <= 10; ++k) Refusing::fail_at(test::Operation::decommit, k);
  EXPECT_EQ(space.purge(), 0U);
  EXPECT_STREQ(space.broken_law(), nullptr);
  Refusing::refuse_nothing_more();
  EXPECT_EQ(space.purge(), 8 * slice_bytes);
}

TEST(Space, IdleMemoryIsBounded) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  std::vector<Slices> runs;
  for (int i = 0; i < 128; ++i) runs.push_back(space.take(128));  // 256 MiB
  for (const Slices run : runs) space.give(run);
  EXPECT_LE(space.purge(), 32 * MiB) << "what was left to purge";
}

// Writes down what it is asked for.
struct WithHugePages : RawOs {
  static inline std::vector<Range> preferred;
  static inline std::vector<Range> decommitted;
  static void prefer_huge_pages(Range range) noexcept { preferred.push_back(range); }
  static Error decommit(Range range) noexcept {
    decommitted.push_back(range);
    return RawOs::decommit(range);
  }
};

TEST(Space, HugePagesAreForLargePrograms) {
  WithHugePages::preferred.clear();
  auto& space = *new Space<WithHugePages>;
  space.policy.huge_pages = 32 * MiB;
  ASSERT_TRUE(space.ready());
  while (space.used_bytes() < 32 * MiB) ASSERT_NE(space.take(slices_per_chunk).count, 0U);
  EXPECT_TRUE(WithHugePages::preferred.empty());
  const Slices run = space.take(1);
  ASSERT_EQ(WithHugePages::preferred.size(), 1U);
  EXPECT_EQ(WithHugePages::preferred[0].begin, space.address(run.first));
  EXPECT_EQ(WithHugePages::preferred[0].size, chunk_bytes);
  ASSERT_NE(space.take_huge(5 * MiB, 1), Space<WithHugePages>::none);
  EXPECT_EQ(WithHugePages::preferred.size(), 2U);
}

TEST(Space, AHugePageIsNotSplitButWhenAllIsPurged) {
  auto& space = *new Space<WithHugePages>;
  ASSERT_TRUE(space.ready());
  std::vector<Slices> whole;
  while (space.used_bytes() < 300 * MiB) whole.push_back(space.take(slices_per_chunk));
  std::vector<Slices> pieces;
  for (int i = 0; i < 64 * 32; ++i) pieces.push_back(space.take(4));
  WithHugePages::decommitted.clear();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i % 4 != 0) space.give(pieces[i]);  // 48 of every 64 KiB
  }
  for (const Range range : WithHugePages::decommitted) ASSERT_EQ(range.size % huge_page_bytes, 0U);
  EXPECT_LE(space.dirty_bytes(), space.idle_bound());
  EXPECT_EQ(space.purge(), pieces.size() / 4 * 3 * 4 * slice_bytes) << "all of it, in pieces if need be";
  EXPECT_STREQ(space.broken_law(), nullptr);
}

// Huge blocks.
TEST(Space, AHugeBlockGrowsRoundWhatAStrangerHasMapped) {
  auto& space = *new Space<RawOs>;
  LargeBlocks<RawOs> large{space};
  auto* block = static_cast<std::byte*>(large.allocate(3 * MiB, 16));
  ASSERT_NE(block, nullptr);
  block[3 * MiB - 1] = std::byte{7};
  // Behind it, and in the midst of where it would go next, lies what is not ours.
  const auto strange = [&](std::size_t chunks) {
    std::byte* const at = block + chunks * chunk_bytes + 64 * KiB;
    std::byte* const page = RawOs::map_at(at, 4 * KiB).value;
    *page = std::byte{9};
    return page;
  };
  std::byte* const strangers[] = {strange(1), strange(2), strange(4)};
  auto* const moved = static_cast<std::byte*>(large.resize(block, 7 * MiB));
  ASSERT_NE(moved, nullptr);
  EXPECT_NE(moved, block);
  EXPECT_EQ(moved[3 * MiB - 1], std::byte{7});
  moved[7 * MiB - 1] = std::byte{8};
  for (const std::byte* const page : strangers)
    EXPECT_EQ(*page, std::byte{9}) << "a stranger's page was lost";
}

TEST(Space, AHugeBlockThatCannotGrowStaysAsItWas) {
  for (const auto operation : {test::Operation::remap_to, test::Operation::map_at}) {
    Refusing::reset();
    auto& space = *new Space<Refusing>;
    LargeBlocks<Refusing> large{space};
    auto* const block = static_cast<std::byte*>(large.allocate(3 * MiB, 16));
    auto* const next = static_cast<std::byte*>(large.allocate(3 * MiB, 16));
    block[3 * MiB - 1] = std::byte{7};
    Refusing::fail_at(operation, 1);
    EXPECT_EQ(large.resize(block, 9 * MiB), nullptr);
    EXPECT_EQ(block[3 * MiB - 1], std::byte{7});
    for (std::byte* const live : {block, next}) {
      const std::size_t slice = space.window().slice_of(live);
      EXPECT_EQ(large.usable_size(slice, space.window().entry(slice)), 3 * MiB);
      EXPECT_TRUE(large.free(live, slice, space.window().entry(slice)));
    }
    EXPECT_EQ(space.used_bytes(), 0U);
  }
}

template <AddressSpaceOs System>
void free_huge(LargeBlocks<System>& large, const Space<System>& space, void* block) {
  const std::size_t slice = space.window().slice_of(block);
  ASSERT_TRUE(large.free(block, slice, space.window().entry(slice)));
}

TEST(Space, HugeBlocksInALoopAskTheSystemOnce) {
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  LargeBlocks<Refusing> large{space};
  void* const first = large.allocate(25 * MiB, 16);
  free_huge(large, space, first);
  const std::size_t calls = Refusing::calls;
  for (int i = 0; i < 100; ++i) {
    void* const block = large.allocate(25 * MiB - static_cast<std::size_t>(i) * 4 * KiB, 16);
    ASSERT_EQ(block, first) << "the pages that it has are not faulted in again";
    ASSERT_EQ(space.huge_bytes(), 25 * MiB - static_cast<std::size_t>(i) * 4 * KiB);
    free_huge(large, space, block);
    ASSERT_STREQ(space.broken_law(), nullptr);
  }
  EXPECT_EQ(Refusing::calls, calls);
}

// What is cut off one block has to be faulted in again for the next; so the bound has to see that a block grows.
TEST(Space, HugeBlocksOfManySizesSettleDown) {
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  LargeBlocks<Refusing> large{space};
  test::Dice dice{1};
  void* blocks[4] = {};
  const auto calls_of = [&](int times) {
    const std::size_t before = Refusing::calls;
    for (; times != 0; --times) {
      void*& block = blocks[dice.below(4)];
      if (block != nullptr) free_huge(large, space, block);
      block = large.allocate(5 * MiB + dice.below(20 * MiB), 16);
    }
    return Refusing::calls - before;
  };
  (void)calls_of(200);
  EXPECT_LT(calls_of(200), 50U);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Space, AKeptHugeBlockGrowsForALongerOne) {
  auto& space = *new Space<RawOs>;
  LargeBlocks<RawOs> large{space};
  void* const first = large.allocate(5 * MiB, 16);
  free_huge(large, space, first);
  void* const longer = large.allocate(20 * MiB, 16);
  EXPECT_EQ(longer, first);
  EXPECT_EQ(space.mapped_bytes() - chunk_bytes, 20 * MiB);
  static_cast<std::byte*>(longer)[20 * MiB - 1] = std::byte{1};
  free_huge(large, space, longer);
  EXPECT_NE(large.allocate(3 * MiB, 16), longer) << "far too long for it";
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Space, AKeptHugeBlockThatIsHemmedInMovesItsPagesForALongerOne) {
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  LargeBlocks<Refusing> large{space};
  auto* const first = static_cast<std::byte*>(large.allocate(12 * MiB, 16));
  void* const neighbour = large.allocate(4 * MiB, 16);
  first[5 * MiB] = std::byte{7};
  free_huge(large, space, first);
  auto* const longer = static_cast<std::byte*>(large.allocate(20 * MiB, 16));
  EXPECT_NE(longer, first);
  EXPECT_EQ(longer[5 * MiB], std::byte{7}) << "the page that was there";
  EXPECT_EQ(space.mapped_bytes() - chunk_bytes, 24 * MiB) << "nothing is left behind";
  longer[20 * MiB - 1] = std::byte{1};
  free_huge(large, space, longer);
  free_huge(large, space, neighbour);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Space, OfAKeptHugeBlockThatIsTooLongTheEndIsSpareUntilAPurge) {
  auto& space = *new Space<RawOs>;
  LargeBlocks<RawOs> large{space};
  void* const first = large.allocate(20 * MiB, 16);
  free_huge(large, space, first);
  EXPECT_EQ(large.allocate(12 * MiB, 16), first);
  EXPECT_EQ(space.used_bytes(), 12 * MiB);
  EXPECT_EQ(space.dirty_bytes(), 8 * MiB);
  EXPECT_EQ(space.mapped_bytes() - chunk_bytes, 20 * MiB);
  EXPECT_EQ(space.purge(), 8 * MiB);
  EXPECT_EQ(space.mapped_bytes() - chunk_bytes, 12 * MiB);
  EXPECT_STREQ(space.broken_law(), nullptr);
}

TEST(Space, AKeptHugeBlockServesOnlyAnAlignmentThatItHas) {
  auto& space = *new Space<RawOs>;
  LargeBlocks<RawOs> large{space};
  void* blocks[4];
  for (void*& block : blocks) block = large.allocate(3 * MiB, 16);
  for (void* const block : blocks) free_huge(large, space, block);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(is_aligned(large.allocate(3 * MiB, 16 * MiB), 16 * MiB));
  EXPECT_STREQ(space.broken_law(), nullptr);
}

// At every moment: freeing is what must never leave more idle than the bound, since nothing may come after it.
TEST(Space, IdleHugeMemoryIsBoundedAfterEveryFree) {
  auto& space = *new Space<RawOs>;
  LargeBlocks<RawOs> large{space};
  test::Dice dice{test::seed()};
  std::vector<void*> blocks;
  for (int i = 0; i < 200; ++i) {
    const std::size_t size = i % 3 == 0 ? 40 * KiB + dice.below(2 * MiB) : 2 * MiB + dice.below(20 * MiB);
    blocks.push_back(large.allocate(size, 16));
    ASSERT_NE(blocks.back(), nullptr);
  }
  while (!blocks.empty()) {
    std::swap(blocks[dice.below(blocks.size())], blocks.back());
    free_huge(large, space, blocks.back());
    blocks.pop_back();
    ASSERT_LE(space.dirty_bytes(), space.idle_bound());
    ASSERT_STREQ(space.broken_law(), nullptr);
  }
  EXPECT_EQ(space.used_bytes(), 0U);
  (void)space.purge();
  EXPECT_EQ(space.dirty_bytes(), 0U);
}

// Returns: how much of these bytes is in memory now.
std::size_t resident_bytes(const void* begin, std::size_t bytes) {
  const std::size_t page = RawOs::page_size();
  std::vector<unsigned char> in_memory(bytes / page);
  if (::mincore(const_cast<void*>(begin), bytes, in_memory.data()) != 0) return SIZE_MAX;
  std::size_t pages = 0;
  for (const unsigned char flags : in_memory) pages += flags & 1U;
  return pages * page;
}

TEST(Space, AHugeBlockThatTheSystemDoesNotTakeBackIsKeptWithoutItsPages) {
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  LargeBlocks<Refusing> large{space};
  auto* const block = static_cast<std::byte*>(large.allocate(3 * MiB, 16));
  std::memset(block, 7, 3 * MiB);
  free_huge(large, space, block);
  Refusing::fail_at(test::Operation::unmap, 1);
  EXPECT_EQ(space.purge(), 3 * MiB);
  EXPECT_EQ(resident_bytes(block, 3 * MiB), 0U);
  EXPECT_EQ(space.dirty_bytes(), 0U);
  EXPECT_STREQ(space.broken_law(), nullptr);
  EXPECT_EQ(large.allocate(3 * MiB, 16), block) << "the addresses are not lost";
  EXPECT_EQ(block[0], std::byte{0});
  free_huge(large, space, block);
  Refusing::fail_at(test::Operation::unmap, 1);
  Refusing::fail_at(test::Operation::decommit, 1);
  EXPECT_EQ(space.purge(), 0U) << "neither the addresses nor the pages";
  EXPECT_EQ(space.dirty_bytes(), 3 * MiB);
  Refusing::refuse_nothing_more();
  EXPECT_EQ(space.purge(), 3 * MiB) << "it is tried again";
  EXPECT_EQ(space.mapped_bytes(), chunk_bytes);
}

// Keeps a list of what is placed in a window, and how long it is.
struct Noting : RawOs {
  static inline std::map<std::byte*, std::size_t> placed;
  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    const Result<std::byte*> answer = RawOs::map_at(at, bytes);
    if (answer.ok()) placed[at] = bytes;
    return answer;
  }
  static Error remap_to(Range range, std::byte* at, std::size_t bytes) noexcept {
    const Error answer = RawOs::remap_to(range, at, bytes);
    if (!answer) placed.erase(range.begin);
    return answer;
  }
  static Error unmap(Range range) noexcept {
    const Error answer = RawOs::unmap(range);
    if (!answer) placed.erase(range.begin);
    return answer;
  }
};

// One refusal at each position in turn: the laws hold, and in the end nothing is lost.
TEST(Space, NoRefusalLosesAHugeBlock) {
  using RefusingNoted = test::FailingOs<Noting, struct OfNoted>;
  for (std::size_t k = 1; k <= 60; ++k) {
    RefusingNoted::reset();
    Noting::placed.clear();
    auto& space = *new Space<RefusingNoted>;
    LargeBlocks<RefusingNoted> large{space};
    ASSERT_TRUE(space.ready());
    RefusingNoted::fail_at(test::Operation::any, k);
    for (int round = 0; round < 3; ++round) {
      std::vector<void*> blocks;
      for (std::size_t i = 0; i < 5; ++i) {
        if (void* const block = large.allocate((3 + 5 * i) * MiB, 16)) blocks.push_back(block);
      }
      for (void*& block : blocks) {  // the last one where it is, all others elsewhere
        if (void* const longer = large.resize(block, 30 * MiB)) block = longer;
      }
      for (void* const block : blocks) free_huge(large, space, block);
      ASSERT_STREQ(space.broken_law(), nullptr) << "refused at " << k;
      (void)space.purge();
    }
    RefusingNoted::refuse_nothing_more();
    (void)space.purge();
    EXPECT_EQ(space.used_bytes(), 0U);
    EXPECT_EQ(space.mapped_bytes(), chunk_bytes) << "refused at " << k;
    for (std::size_t c = 1; c < space.end(); ++c) EXPECT_EQ(space.use(c), ChunkUse::absent);
    EXPECT_EQ(Noting::placed.size(), 1U) << "what the system still has mapped, refused at " << k;
  }
}

// The window.
TEST(ChunkMaps, AnEntryIsClaimedOnce) {
  auto& map = *new ChunkMap<RawOs>;
  const std::size_t chunk = map.lay_out();
  ASSERT_EQ(chunk, 0U);
  map.mark({3, 2}, entry_for(Kind::large), entry_for(Kind::interior));
  EXPECT_EQ(map.window().entry(4), entry_for(Kind::interior));
  EXPECT_EQ(&map.span_of(4), &map.descriptor(3));
  EXPECT_FALSE(map.claim(3, entry_for(Kind::huge)));
  EXPECT_TRUE(map.claim(3, entry_for(Kind::large)));
  EXPECT_FALSE(map.claim(3, entry_for(Kind::large)));
}

TEST(Space, ChunksGoRoundWhatLiesInTheirWay) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  std::byte* const base = space.address(0);
  ASSERT_TRUE(RawOs::map_at(base + chunk_bytes, 4 * KiB).ok());
  (void)space.take(slices_per_chunk);
  const Slices run = space.take(1);
  ASSERT_EQ(run.count, 1U);
  EXPECT_EQ(run.first, 2 * slices_per_chunk) << "the next chunk is not ours";
  EXPECT_EQ(space.window().entry(slices_per_chunk), 0U);
}

TEST(Space, LittleAddressSpaceIsEnough) {
  const auto with_little = [] {
    std::size_t used = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%zu", &used) != 1) return 9;
      std::fclose(file);
    }
    const rlimit little{used * 4 * KiB + 64 * MiB, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &little) != 0) return 8;
    void* const beyond = ::mmap(nullptr, 2 * little.rlim_cur, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (beyond != MAP_FAILED) return 77;  // qemu-user takes the limit and does not keep it
    auto& space = *new Space<RawOs>;
    for (int i = 0; i < 8; ++i) {
      if (!space.ready() || space.take(slices_per_chunk).count == 0) return 1 + i;
    }
    for (int i = 0; i < 100; ++i) (void)space.take(slices_per_chunk);
    return space.take(1).count == 0 ? 0 : 7;  // refused in the end, without a crash
  };
  const int answer = test::in_child(with_little);
  if (answer == 77) GTEST_SKIP() << "this system does not limit address space";
  EXPECT_EQ(answer, 0);
}

// A system that refuses again and again while the window is laid out must not lose address space each time.
TEST(Space, LayingOutInVainLosesNothing) {
  const auto address_space = [] {
    std::size_t pages = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    return pages * 4 * KiB;
  };
  Refusing::reset();
  for (std::size_t k = 1; k <= 1'000; ++k) Refusing::fail_at(test::Operation::map_at, k);
  auto& space = *new Space<Refusing>;
  EXPECT_FALSE(space.ready());
  const std::size_t before = address_space();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(space.ready());
  EXPECT_LE(address_space(), before + 8 * MiB);
  Refusing::refuse_nothing_more();
  EXPECT_TRUE(space.ready());
}

}  // namespace
}  // namespace basalt::engine
