// What is said to a program that uses a heap object after its end, or frees in one what is not of it. The sentences are API.

#include <gtest/gtest.h>

#include <string>

#include "engine/heap_objects.hpp"
#include "platform/raw_os.hpp"
#include "support/report_text.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfObjectCrimes;
using Thread = test::TestThread<RawOs, OfObjectCrimes>;
using Engine = test::TestEngine<RawOs, OfObjectCrimes>;

class HeapObjectDeath : public testing::Test {
 protected:
  HeapObjectDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Thread::forget();
    heap_ = engine_.create_heap({.name = "mine"});
  }

  std::byte* made(std::size_t size) {
    return static_cast<std::byte*>(engine_.objects().allocate(heap_, size, 16));
  }
  void drop(void* block) { (void)engine_.deallocate(block); }
  void drop_in_heap(void* block) { engine_.free_in(heap_, block, "basalt_heap_free"); }

  Engine& engine_ = *new Engine;
  basalt_heap* heap_ = nullptr;
};

const std::string dead =
    "^basalt: use of a heap that is none: 0x[0-9a-f]+ was destroyed, or was never created" +
    test::report_goes_on;
const std::string stranger =
    "^basalt: invalid pointer in basalt_heap_free: 0x[0-9a-f]+ is not a block of the heap \"mine\"" +
    test::report_goes_on;
const std::string double_free = "^basalt: double free: 0x[0-9a-f]+ is free already" + test::report_goes_on;

TEST_F(HeapObjectDeath, UseAfterDestroy) {
  std::byte* const block = made(100);
  engine_.objects().destroy(heap_);
  EXPECT_DEATH((void)made(100), dead);
  EXPECT_DEATH(drop_in_heap(block), dead);
  EXPECT_DEATH(engine_.objects().destroy(heap_), dead);
}

TEST_F(HeapObjectDeath, UseAfterDestroyWhenAnotherHeapHasThePlace) {
  engine_.objects().destroy(heap_);
  for (int i = 0; i < 10; ++i) {
    basalt_heap* const successor = engine_.create_heap({});
    EXPECT_NE(successor, heap_);
    EXPECT_DEATH((void)made(100), dead);
    engine_.objects().destroy(successor);
  }
}

TEST_F(HeapObjectDeath, NoHeapAtAll) {
  for (const std::uintptr_t bits : {std::uintptr_t{0}, std::uintptr_t{77}, UINTPTR_MAX}) {
    EXPECT_DEATH((void)engine_.objects().allocate(reinterpret_cast<basalt_heap*>(bits), 1, 16), dead);
  }
  EXPECT_DEATH((void)engine_.objects().allocate(reinterpret_cast<basalt_heap*>(&heap_), 1, 16), dead);
}

TEST_F(HeapObjectDeath, DoubleFreeIsNamedAtOnce) {
  for (const std::size_t size : {0U, 100U, 32768U}) {
    std::byte* const block = made(size);
    drop(block);
    EXPECT_DEATH(drop(block), double_free) << size;
    EXPECT_DEATH(drop_in_heap(block), double_free) << size;
  }
}

TEST_F(HeapObjectDeath, BlocksOfOthers) {
  void* const others = engine_.objects().allocate(engine_.create_heap({}), 100, 16);
  for (void* const block : {others, engine_.allocate(100, 16), static_cast<void*>(&engine_)}) {
    EXPECT_DEATH(drop_in_heap(block), stranger);
    EXPECT_DEATH((void)engine_.reallocate_in(heap_, block, 10, "basalt_heap_free"), stranger);
  }
}

TEST_F(HeapObjectDeath, LargeBlocksOnceTheyAreFree) {
  for (const std::size_t size : {100 * KiB, 10 * MiB}) {
    std::byte* const block = made(size);
    drop(block);
    EXPECT_DEATH(drop(block), double_free);
    EXPECT_DEATH(drop_in_heap(block), stranger);
  }
}

TEST_F(HeapObjectDeath, InsideABlock) {
  EXPECT_DEATH(drop(made(100) + 16),
               "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a block; it lies in a "
               "block of 112 bytes" +
                   test::report_goes_on);
  for (const std::size_t size : {100 * KiB, 10 * MiB}) {
    EXPECT_DEATH(
        drop(made(size) + 16),
        "^basalt: invalid pointer in free: 0x[0-9a-f]+ lies inside a large block" + test::report_goes_on);
  }
}

TEST_F(HeapObjectDeath, AWrongSize) {
  EXPECT_DEATH((void)engine_.deallocate(made(100), 1000),
               "^basalt: invalid size in free_sized: 0x[0-9a-f]+ has 112 usable bytes and cannot have been "
               "asked for with 1000" +
                   test::report_goes_on);
}

}  // namespace
}  // namespace basalt
