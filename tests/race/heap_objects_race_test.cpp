// Heap objects in many hands: one is shared, others come and go, and blocks are freed without a word of whose they are.

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfObjectRaces;
using Thread = test::TestThread<RawOs, OfObjectRaces>;
using Engine = test::TestEngine<RawOs, OfObjectRaces>;

constexpr int threads = 3;
constexpr int rounds = 1'000;

unsigned char* taken(Engine& engine, basalt_heap* heap, std::size_t size) {
  auto* const block = static_cast<unsigned char*>(engine.objects().allocate(heap, size, 16));
  EXPECT_NE(block, nullptr);
  std::memset(block, 7, size);
  return block;
}

TEST(HeapObjectsRace, OneIsSharedAndOthersComeAndGo) {
  Thread::forget();
  Engine& engine = *new Engine;
  basalt_heap* const shared = engine.create_heap({});
  ASSERT_NE(shared, nullptr);
  std::atomic<unsigned char*> places[8] = {};
  const auto work = [&](int t) {
    for (int i = 0; i < rounds; ++i) {
      const std::size_t size = i % 100 == 0 ? 100 * KiB : 1 + static_cast<std::size_t>(i) % 3'000;
      auto& place = places[(i * 7 + t) % 8];
      unsigned char* const old = place.exchange(taken(engine, shared, size), std::memory_order_acq_rel);
      if (old == nullptr) continue;
      EXPECT_EQ(engine.heap_of(old), shared);
      EXPECT_TRUE(engine.deallocate(old));
      if (i % 20 != 0) continue;
      basalt_heap* const own = engine.create_heap({});
      ASSERT_NE(own, nullptr);
      EXPECT_EQ(engine.heap_of(taken(engine, own, 1 + size / 2)), own);
      engine.objects().destroy(own);
    }
    engine.park();
  };
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) all.emplace_back(work, t);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(engine.broken_law(), nullptr);
    (void)engine.trim();
  }
  for (std::thread& one : all) one.join();
  engine.objects().destroy(shared);
  EXPECT_EQ(engine.broken_law(), nullptr);
  EXPECT_EQ(engine.stats().live_bytes, 0U);
}

}  // namespace
}  // namespace basalt
