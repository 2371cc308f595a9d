// Heaps as objects: made, used by any thread, destroyed with all that is in them.

#include "engine/heap_object.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfObjects;
using Thread = test::TestThread<RawOs, OfObjects>;
using Engine = test::TestEngine<RawOs, OfObjects>;

class HeapObjects : public testing::Test {
 protected:
  HeapObjects() { Thread::forget(); }

  void* take(basalt_heap* heap, std::size_t size, std::size_t alignment = 16) {
    void* const block = engine_.objects().allocate(heap, size, alignment);
    if (block != nullptr) std::memset(block, 0x5a, size);
    return block;
  }

  engine::HeapFigures figures(basalt_heap* heap) {
    engine::HeapFigures figures;
    engine_.objects().with(heap, [&](auto& object) { figures = object.figures(); });
    return figures;
  }

  Engine& engine_ = *new Engine;  // its memory is never given back
};

constexpr std::size_t sizes[] = {0, 1, 16, 100, 1000, 32 * KiB, 33 * KiB, MiB, 3 * MiB, 20 * MiB};

TEST_F(HeapObjects, GiveBlocksOfEverySizeThatAreTheirs) {
  basalt_heap* const heap = engine_.create_heap({});
  ASSERT_NE(heap, nullptr);
  std::set<void*> blocks;
  for (const std::size_t size : sizes) {
    void* const block = take(heap, size);
    ASSERT_NE(block, nullptr) << size;
    EXPECT_TRUE(blocks.insert(block).second);
    EXPECT_EQ(engine_.heap_of(block), heap);
    EXPECT_TRUE(engine_.owns(block));
    EXPECT_GE(engine_.usable_size(block), size);
  }
  void* const stranger = engine_.allocate(100, 16);
  EXPECT_EQ(engine_.heap_of(stranger), nullptr);
  EXPECT_EQ(engine_.heap_of(&blocks), nullptr);
  EXPECT_EQ(figures(heap).live_blocks, std::size(sizes));
  EXPECT_EQ(engine_.broken_law(), nullptr);
  for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  EXPECT_EQ(figures(heap).live_blocks, 0U);
  EXPECT_EQ(figures(heap).live_bytes, 0U);
  EXPECT_EQ(engine_.broken_law(), nullptr);
}

TEST_F(HeapObjects, AreInTheStatistics) {
  void* const stranger = engine_.allocate(1000, 16);
  basalt_heap* const heap = engine_.create_heap({});
  for (const std::size_t size : sizes) (void)take(heap, size);
  void* const freed = take(heap, 2000);
  EXPECT_TRUE(engine_.deallocate(freed));
  const engine::HeapFigures figures = this->figures(heap);
  engine_.with_statistics([&](const engine::Statistics& now, const auto& each_heap) {
    EXPECT_EQ(now.broken_law(), nullptr);
    EXPECT_EQ(now.objects.live + now.large + now.huge, figures.live_bytes);
    EXPECT_EQ(now.objects.bytes + now.large + now.huge, figures.mapped_bytes);
    std::size_t live = 0;
    each_heap([&](engine::HeapId, const engine::SpanFigures& of_heap) { live += of_heap.live; });
    EXPECT_EQ(live, now.spans.live);
  });
  EXPECT_TRUE(engine_.deallocate(stranger));
}

TEST_F(HeapObjects, HonourAlignments) {
  basalt_heap* const heap = engine_.create_heap({});
  for (const std::size_t alignment : {32U, 64U, 4096U, 16384U, 65536U, 1U << 23}) {
    for (const std::size_t size : {1U, 100U, 40000U}) {
      void* const block = take(heap, size, alignment);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U) << size << " at " << alignment;
    }
  }
  engine_.objects().destroy(heap);
}

TEST_F(HeapObjects, TakeEverythingWithThem) {
  const std::size_t live = engine_.stats().live_bytes;
  for (int round = 0; round < 3; ++round) {
    basalt_heap* const heap = engine_.create_heap({});
    for (int i = 0; i < 2000; ++i) ASSERT_NE(take(heap, sizes[static_cast<unsigned>(i) % 7]), nullptr);
    for (const std::size_t size : sizes) ASSERT_NE(take(heap, size), nullptr);
    EXPECT_GT(engine_.stats().live_bytes, live + 20 * MiB);
    engine_.objects().destroy(heap);
    EXPECT_EQ(engine_.stats().live_bytes, live);
    EXPECT_EQ(engine_.broken_law(), nullptr);
  }
}

TEST_F(HeapObjects, LeaveOthersAlone) {
  basalt_heap* const doomed = engine_.create_heap({});
  basalt_heap* const heap = engine_.create_heap({});
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 1000; ++i) {
    (void)take(doomed, 100);
    blocks.push_back(static_cast<std::byte*>(take(heap, 100)));
    blocks.push_back(static_cast<std::byte*>(engine_.allocate(100, 16)));
    std::memset(blocks.back(), 0x5a, 100);
  }
  engine_.objects().destroy(doomed);
  for (int i = 0; i < 1000; ++i) std::memset(take(engine_.create_heap({}), 100), 0xff, 100);
  for (std::byte* const block : blocks) {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(block[i], std::byte{0x5a});
    EXPECT_TRUE(engine_.deallocate(block));
  }
  EXPECT_EQ(figures(heap).live_blocks, 0U);
}

TEST_F(HeapObjects, ReuseWhatIsFreedAtOnce) {
  basalt_heap* const heap = engine_.create_heap({});
  void* const first = take(heap, 100);
  EXPECT_TRUE(engine_.deallocate(first));
  EXPECT_EQ(take(heap, 100), first);
}

TEST_F(HeapObjects, KeepABlockWhenItGrows) {
  basalt_heap* const heap = engine_.create_heap({});
  auto* block = static_cast<char*>(take(heap, 10));
  std::strcpy(block, "contents");
  for (const std::size_t size : {100U, 50'000U, 100'000U, 5'000'000U, 50'000'000U, 5'000'000U, 20U}) {
    block = static_cast<char*>(engine_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_STREQ(block, "contents");
    EXPECT_GE(engine_.usable_size(block), size);
    EXPECT_EQ(engine_.heap_of(block), heap);
    EXPECT_EQ(figures(heap).live_blocks, 1U);
    EXPECT_EQ(figures(heap).live_bytes, engine_.usable_size(block));
    EXPECT_EQ(engine_.broken_law(), nullptr);
  }
}

TEST_F(HeapObjects, ServeAnyThread) {
  basalt_heap* const heap = engine_.create_heap({});
  std::vector<void*> blocks(1000);
  std::thread{[&] {
    for (void*& block : blocks) block = take(heap, 64);
    engine_.park();
  }}.join();
  for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  EXPECT_EQ(figures(heap).live_blocks, 0U) << "a free has happened when it returns";
}

TEST_F(HeapObjects, HaveHandlesThatAreNotGivenOutTwice) {
  std::set<basalt_heap*> handles;
  for (int i = 0; i < 100; ++i) {
    basalt_heap* const heap = engine_.create_heap({});
    EXPECT_TRUE(handles.insert(heap).second);
    engine_.objects().destroy(heap);
  }
}

TEST_F(HeapObjects, KnowTheirNames) {
  basalt_heap* const heap = engine_.create_heap({.name = "a name of more than thirty-one letters"});
  engine_.objects().with(heap, [](auto& object) {
    EXPECT_STREQ(object.name(), "a name of more than thirty-one ");
    EXPECT_EQ(std::strlen(object.name()), engine::HeapObject<RawOs>::longest_name);
  });
}

TEST_F(HeapObjects, StayBelowTheirLimit) {
  basalt_heap* const heap = engine_.create_heap({.limit = MiB});
  std::vector<void*> blocks;
  while (blocks.size() < 2000) {
    void* const block = take(heap, 1000);
    if (block == nullptr) break;
    blocks.push_back(block);
  }
  EXPECT_GT(blocks.size(), 900U);
  EXPECT_LE(figures(heap).mapped_bytes, MiB);
  EXPECT_EQ(take(heap, 2 * MiB), nullptr);
  EXPECT_EQ(engine_.reallocate(blocks[0], 2 * MiB), nullptr);
  for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  EXPECT_NE(take(heap, 900 * KiB), nullptr) << "what is free makes room for other sizes";
  EXPECT_EQ(engine_.broken_law(), nullptr);
}

struct Asked {
  Engine* engine = nullptr;
  std::vector<std::size_t> sizes;
  std::vector<void*> spare;  // freed one by one
};

int give_spare(basalt_heap* heap, std::size_t size, void* context) {
  auto& asked = *static_cast<Asked*>(context);
  asked.sizes.push_back(size);
  EXPECT_NE(heap, nullptr);
  if (asked.spare.empty()) return 0;
  EXPECT_TRUE(asked.engine->deallocate(asked.spare.back()));
  asked.spare.pop_back();
  return 1;
}

TEST_F(HeapObjects, AskBeforeTheyRefuse) {
  Asked asked;
  asked.engine = &engine_;
  basalt_heap* const heap = engine_.create_heap({.limit = MiB, .full = give_spare, .context = &asked});
  for (int i = 0; i < 4; ++i) asked.spare.push_back(take(heap, 256 * KiB));
  EXPECT_TRUE(asked.sizes.empty());
  EXPECT_NE(take(heap, 400 * KiB), nullptr) << "two of the four have to go";
  EXPECT_EQ(asked.sizes, (std::vector<std::size_t>{400 * KiB, 400 * KiB}));
  EXPECT_EQ(take(heap, MiB), nullptr) << "nothing is left that could be given";
  EXPECT_EQ(asked.sizes.size(), 5U);
}

TEST_F(HeapObjects, StayWholeUnderFourThreads) {
  basalt_heap* const heap = engine_.create_heap({.limit = 4 * MiB});
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<void*> mine;
      for (unsigned i = 0; i < 20'000; ++i) {
        if (void* const block = engine_.objects().allocate(heap, (i * 37 + t) % 2000, 16))
          mine.push_back(block);
        if (mine.size() > 50 || i % 3 == 0) {
          if (mine.empty()) continue;
          EXPECT_TRUE(engine_.deallocate(mine[i % mine.size()]));
          mine[i % mine.size()] = mine.back();
          mine.pop_back();
        }
      }
      for (void* const block : mine) EXPECT_TRUE(engine_.deallocate(block));
      engine_.park();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(figures(heap).live_bytes, 0U);
  EXPECT_EQ(engine_.broken_law(), nullptr);
  (void)engine_.trim();
  EXPECT_EQ(figures(heap).mapped_bytes, 0U);
}

}  // namespace
}  // namespace basalt
