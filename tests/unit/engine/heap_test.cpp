// Heaps and what they are made of: bins, supplies, outboxes, the pool. With one thread that plays several.

#include "engine/heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "engine/heap_pool.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

// A bin beside the memory for its arrays, and what a heap's slow paths do with it.
class Bins : public ::testing::Test {
 protected:
  using Held = Bin<>::Held;

  void move_to_wider(std::size_t capacity) {
    Held held = bin_.close(nowhere());
    next_ -= Bin<>::words_for(capacity);
    bin_.move_to(next_ + Bin<>::ahead, capacity, held);
    bin_.open(held);
  }
  // Effects: the coldest are forgotten.
  void drop(std::size_t slots) {
    Held held = bin_.close(nowhere());
    held.coldest += slots;
    held.count -= slots;
    bin_.open(held);
  }
  void** nowhere() { return words_ + std::size(words_) - Bin<>::ahead; }
  // A pop is served by no slot but this.
  void expect_to_pop(const void* expected) {
    void* slot = nullptr;
    EXPECT_TRUE(bin_.pop(slot));
    EXPECT_EQ(slot, expected);
  }
  void expect_empty() {
    void* slot = nullptr;
    EXPECT_FALSE(bin_.pop(slot));
    EXPECT_EQ(bin_.held(), 0U);
  }

  alignas(2 * sizeof(void*)) void* words_[64] = {};
  void** next_ = words_ + std::size(words_) - 2 * Bin<>::ahead;
  int blocks_[16] = {};
  Bin<> bin_;

  void SetUp() override { bin_.start(nowhere()); }
};

TEST_F(Bins, WithoutAnArrayHaveNeitherSlotsNorRoom) {
  expect_empty();
  EXPECT_FALSE(bin_.push(&blocks_[0]));
  EXPECT_EQ(bin_.capacity(), 0U);
}

TEST_F(Bins, GiveTheHottestFirstAndKeepWhatTheyHold) {
  move_to_wider(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bin_.push(&blocks_[i]));
  EXPECT_FALSE(bin_.push(&blocks_[4]));
  move_to_wider(8);
  EXPECT_EQ(bin_.held(), 4U);
  EXPECT_TRUE(bin_.push(&blocks_[4]));
  drop(2);  // 0 and 1
  for (const int i : {4, 3, 2}) expect_to_pop(&blocks_[i]);
  expect_empty();
}

TEST_F(Bins, HaveAllTheirRoomWhereverTheyBegin) {
  move_to_wider(4);
  for (int odd = 0; odd < 2; ++odd) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(bin_.push(&blocks_[i])) << odd;
    EXPECT_FALSE(bin_.push(&blocks_[4]));
    drop(3);  // the one that is left, or none, begins one word further then
    expect_to_pop(&blocks_[3]);
    expect_empty();
  }
}

// So that a handler of signals cannot leave the top one below where it was.
TEST_F(Bins, OpenWithTheTopAtAnEvenWordWhereItWasAtOne) {
  move_to_wider(8);
  const auto is_odd = [this] {
    const Held held = bin_.close(nowhere());
    bin_.open(held);
    return address_of(held.top) / sizeof(void*) % 2;
  };
  for (int pushed = 1; pushed <= 4; ++pushed) {
    for (int dropped = 0; dropped <= pushed; ++dropped) {
      drop(bin_.held());
      for (int i = 0; i < pushed; ++i) EXPECT_TRUE(bin_.push(&blocks_[i]));
      const auto before = is_odd();
      drop(static_cast<std::size_t>(dropped));
      EXPECT_EQ(is_odd(), before) << dropped << " of " << pushed;
    }
  }
}

TEST_F(Bins, HaveNothingAboveTheTopWhenASlowPathOpensThem) {
  move_to_wider(8);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(bin_.push(&blocks_[i]));
  for (int i = 6; i > 3; --i) expect_to_pop(&blocks_[i]);
  drop(1);
  const Held held = bin_.close(nowhere());
  for (void** word = held.top; word != held.top + 4; ++word) EXPECT_EQ(*word, nullptr);
  bin_.open(held);
  EXPECT_EQ(bin_.held(), 3U);
}

TEST_F(Bins, ThatAreClosedHaveNeitherSlotsNorRoom) {
  move_to_wider(4);
  EXPECT_TRUE(bin_.push(&blocks_[0]));
  const Held held = bin_.close(nowhere());
  EXPECT_EQ(held.count, 1U);
  EXPECT_EQ(*held.coldest, &blocks_[0]);
  expect_empty();
  EXPECT_FALSE(bin_.push(&blocks_[1]));
  bin_.open(held);
  expect_to_pop(&blocks_[0]);
}

TEST_F(Bins, LeaveNothingBehindInAnArrayThatWasOutgrown) {
  move_to_wider(4);
  void** const outgrown = bin_.base();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bin_.push(&blocks_[i]));
  move_to_wider(8);
  EXPECT_LT(bin_.base() + bin_.capacity(), outgrown);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(outgrown[i], nullptr);
}

TEST_F(Bins, DoNotTakeASlotThatCameAsTheLastOrTheLastButOne) {
  move_to_wider(4);
  EXPECT_TRUE(bin_.push(&blocks_[0]));
  EXPECT_FALSE(bin_.push(&blocks_[0]));
  EXPECT_TRUE(bin_.push(&blocks_[1]));
  EXPECT_FALSE(bin_.push(&blocks_[0]));
  EXPECT_TRUE(bin_.came_last(&blocks_[0]) && bin_.came_last(&blocks_[1]));
  EXPECT_TRUE(bin_.push(&blocks_[2]));
  EXPECT_FALSE(bin_.came_last(&blocks_[0]));
  drop(3);
  EXPECT_FALSE(bin_.came_last(&blocks_[0])) << "an empty bin has none that came last";
  EXPECT_TRUE(bin_.push(&blocks_[1]));
}

TEST(Heaps, HaveBinsOfSmallClassesElsewhereInTheirPageThanTheFirstSlotsOfSlices) {
  auto& space = *new Space<RawOs>;
  auto& pool = *new HeapPool<RawOs>;
  ASSERT_TRUE(space.ready());
  Heap<RawOs>* const heap = pool.take(space);
  ASSERT_NE(heap, nullptr);
  for (unsigned c = 1; c <= fine_classes; ++c)
    EXPECT_GE(address_of(&heap->bins[c]) % 4096 / slot_bytes(c), 8U) << "class " << c;
}

struct Noting : RawOs {
  static inline Range given_back;
  static Error decommit(Range range) noexcept {
    given_back = range;
    return RawOs::decommit(range);
  }
};

TEST(Heaps, BeginAnewWithoutPagesForTheirBins) {
  auto& space = *new Space<Noting>;
  auto& pool = *new HeapPool<Noting>;
  ASSERT_TRUE(space.ready());
  Heap<Noting>& heap = *pool.take(space);
  const auto use = [&heap] {
    for (SizeClass c = 1; c < 40; ++c) {
      for (int fills = 0; fills < 6; ++fills) {
        ASSERT_NE(heap.refill(c), nullptr);
        heap.flush();
      }
    }
  };
  use();
  heap.empty();
  EXPECT_TRUE(heap.arrays.contains(Noting::given_back));
  EXPECT_GE(Noting::given_back.size, 2 * RawOs::page_size());
  EXPECT_EQ(heap.bins[1].capacity(), 0U);
  use();
  heap.empty();
  EXPECT_STREQ(space.broken_law(), nullptr);
}

class Supplies : public testing::Test {
 protected:
  using Supply = SpanSupply<RawOs>;

  Supplies() {
    EXPECT_TRUE(space_.ready());
    mine_.start(space_, 1);
    other_.start(space_, 2);
  }

  std::vector<void*> take(Supply& supply, SizeClass c, unsigned wanted) {
    std::vector<void*> slots(wanted);
    slots.resize(supply.take(c, slots.data(), wanted));
    return slots;
  }

  // Another thread frees `slots`, as many at once as its outbox holds.
  void free_from_afar(const std::vector<void*>& slots, std::size_t bytes) {
    Outbox outbox;
    std::size_t sent = 0;
    const auto send = [&] {
      outbox.send([&](HeapId owner, Span& span) { announced_ += owner, mine_.announce(span); },
                  [&](HeapId, std::size_t more) { sent += more; });
    };
    for (void* const slot : slots) {
      if (outbox.full()) send();
      outbox.add(static_cast<std::byte*>(slot), space_.span_of(space_.slice_of(slot)), bytes);
    }
    send();
    EXPECT_TRUE(outbox.empty());
    EXPECT_EQ(sent, slots.size() * bytes);
  }

  void expect_all_free() {
    mine_.release_empty();
    other_.release_empty();
    EXPECT_EQ(space_.used_bytes(), 0U);
    EXPECT_STREQ(space_.broken_law(), nullptr);
  }

  Space<RawOs>& space_ = *new Space<RawOs>;
  Supply mine_;
  Supply other_;
  unsigned announced_ = 0;  // the sum of the owners' ids
};

TEST_F(Supplies, HandOutEverySlotOnceAndTheLowestFirst) {
  for (unsigned c = 0; c < class_count; ++c) {
    const auto size_class = static_cast<SizeClass>(c);
    const std::size_t slots = span_slices(c) * slice_bytes / slot_bytes(c);
    std::vector<void*> all;
    while (all.size() < 2 * slots) {
      const std::vector<void*> some = take(mine_, size_class, 7);
      ASSERT_FALSE(some.empty());
      EXPECT_TRUE(std::is_sorted(some.rbegin(), some.rend())) << "popping from the end ascends";
      all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), all.size());
    mine_.put(all.data(), all.size());
  }
  expect_all_free();
}

TEST_F(Supplies, AFullSpanIsAnnouncedOnce) {
  const SizeClass c = class_of(2 * KiB);
  const std::vector<void*> slots = take(mine_, c, 8);
  ASSERT_EQ(slots.size(), 8U);
  EXPECT_EQ(span_slices(c) * slice_bytes / slot_bytes(c), 8U);
  free_from_afar({slots.begin(), slots.begin() + 3}, 2 * KiB);
  free_from_afar({slots.begin() + 3, slots.begin() + 5}, 2 * KiB);
  EXPECT_EQ(announced_, 1U);
  const std::vector<void*> again = take(mine_, c, 8);
  EXPECT_EQ(again.size(), 5U) << "what came home, and nothing else";
  free_from_afar(again, 2 * KiB);
  EXPECT_EQ(announced_, 2U);
  mine_.put(slots.data() + 5, 3);
  expect_all_free();
}

TEST_F(Supplies, AnAttachedSpanIsNotAnnounced) {
  const std::vector<void*> slots = take(mine_, class_of(2 * KiB), 7);
  free_from_afar(slots, 2 * KiB);
  EXPECT_EQ(announced_, 0U);
  expect_all_free();
}

TEST_F(Supplies, ADescriptorServesOneHeapAfterTheOther) {
  const SizeClass c = class_of(2 * KiB);
  for (int round = 0; round < 4; ++round) {
    Supply& supply = round % 2 == 0 ? mine_ : other_;
    const std::vector<void*> slots = take(supply, c, 8);
    ASSERT_EQ(slots.size(), 8U);
    const std::size_t slice = space_.window().slice_of(slots[0]);
    EXPECT_EQ(slice, 0U);
    EXPECT_EQ(space_.window().entry(slice), entry_for(round % 2 == 0 ? 1 : 2, c));
    supply.put(slots.data(), slots.size());
    supply.release_empty();
    EXPECT_EQ(space_.window().entry(slice), 0U);
  }
}

TEST(Outboxes, AreBoundedInBlocksAndInBytes) {
  std::byte block{};
  Span span;
  const auto room = [&](std::size_t bytes) {
    Outbox outbox;
    std::size_t held = 0;
    for (; !outbox.full(); ++held) outbox.add(&block, span, bytes);
    return held;
  };
  EXPECT_EQ(room(16), 64U);
  EXPECT_EQ(room(32 * KiB), 8U);
}

TEST(HeapPools, AParkedHeapIsTakenBeforeANewOneIsMade) {
  auto& space = *new Space<RawOs>;
  HeapPool<RawOs> pool;
  Heap<RawOs>* const first = pool.take(space);
  Heap<RawOs>* const second = pool.take(space);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(&pool.heap(first->id), first);
  pool.park(*first);
  EXPECT_EQ(pool.take(space), first);
  std::size_t heaps = 0;
  pool.each([&heaps](const Heap<RawOs>&) { ++heaps; });
  EXPECT_EQ(heaps, 2U);
}

TEST(HeapPools, AreRefusedWithoutHarm) {
  using Refusing = test::FailingOs<RawOs, struct OfPools>;
  Refusing::reset();
  auto& space = *new Space<Refusing>;
  HeapPool<Refusing> pool;
  for (HeapId id = 1; id <= 40; ++id) {
    for (int refused = 0; refused < 2;
         ++refused) {  // memory for the heap, and where there is need for one, a table
      Refusing::fail_at(test::Operation::reserve, 1);
      EXPECT_EQ(pool.take(space), nullptr);
    }
    Heap<Refusing>* const heap = pool.take(space);
    ASSERT_NE(heap, nullptr);
    EXPECT_EQ(heap->id, id);
    EXPECT_EQ(&pool.heap(id), heap);
  }
}

TEST(Heaps, KeepWhatLittleTheyHaveCachedWhenTheyRest) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  HeapPool<RawOs> pool;
  Heap<RawOs>& heap = *pool.take(space);
  const auto cached = [&heap] {
    std::size_t slots = 0;
    for (const auto& bin : heap.bins) slots += bin.held();
    return slots;
  };
  ASSERT_NE(heap.refill(class_of(64)), nullptr);
  const std::size_t little = cached();
  ASSERT_NE(little, 0U);
  heap.rest();
  EXPECT_EQ(cached(), little);
  for (unsigned c = 1; c < class_count; ++c) {
    if (heap.bins[c].held() == 0) (void)heap.refill(static_cast<SizeClass>(c));
  }
  heap.rest();
  EXPECT_EQ(cached(), 0U) << "several hundred KiB";
}

// The arrays of a heap's bins are laid side by side, none given back: there must be room for the widest of every class.
TEST(Heaps, EveryBinFindsRoomForItsArrays) {
  auto& space = *new Space<RawOs>;
  ASSERT_TRUE(space.ready());
  HeapPool<RawOs> pool;
  Heap<RawOs>& heap = *pool.take(space);
  heap.window = space.window();
  for (unsigned c = 0; c < class_count; ++c) {
    const auto size_class = static_cast<SizeClass>(c);
    std::vector<void*> slots;
    while (slots.size() < 3'000) {
      void* slot = nullptr;
      if (!heap.bins[c].pop(slot)) slot = heap.refill(size_class);
      ASSERT_NE(slot, nullptr) << "class " << c;
      slots.push_back(slot);
    }
    for (void* const slot : slots) {
      if (heap.free(slot)) continue;
      heap.window = space.window();
      if (heap.bins[c].held() == heap.bins[c].capacity()) heap.make_room(size_class);
      ASSERT_TRUE(heap.free(slot)) << "class " << c;
    }
    EXPECT_GE(heap.bins[c].capacity(), 8U);
    EXPECT_GE(heap.bins[c].capacity() * slot_bytes(c), std::min<std::size_t>(32 * KiB, 512 * slot_bytes(c)));
  }
  heap.flush();
  EXPECT_EQ(space.used_bytes(), 0U);
}

// One thread allocates and sleeps for ever; another frees all of it.
TEST(Engines, TrimReachesWhatWasGivenBackToAHeapThatSleeps) {
  using Thread = test::TestThread<RawOs, struct OfSleep>;
  auto& engine = *new Engine<RawOs, Thread>;
  std::vector<void*> blocks;
  for (int i = 0; i < 8 * 1024; ++i) blocks.push_back(engine.allocate(2 * KiB, 16));  // 16 MiB
  Thread::forget();
  for (void* const block : blocks) EXPECT_TRUE(engine.deallocate(block));
  (void)engine.trim();
  EXPECT_EQ(engine.stats().live_bytes, 0U);
  const std::size_t grown = engine.stats().grown_bytes;
  for (int i = 0; i < 6; ++i) EXPECT_NE(engine.allocate(2 * MiB, 16), nullptr);
  EXPECT_EQ(engine.stats().grown_bytes, grown) << "what came home serves other sizes";
}

}  // namespace
}  // namespace basalt::engine
