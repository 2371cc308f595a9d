// What one thread frees of another's, when that other one sleeps for ever, or is gone: how much may lie there unused.

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "engine/engine.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

class Stranded : public testing::Test {
 protected:
  using Thread = test::TestThread<RawOs, Stranded>;

  Stranded() { Thread::forget(); }
  ~Stranded() override { Thread::forget(); }

  std::vector<void*> allocate(std::size_t count, std::size_t bytes) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = engine_.allocate(bytes, 16);
    return blocks;
  }

  // Bytes that belong to spans, whether anybody has a use for them or not.
  std::size_t span_bytes() {
    std::size_t bytes = 0;
    engine_.with_statistics([&](const Statistics& now, const auto&) { bytes = now.spans.bytes; });
    return bytes;
  }

  Engine<RawOs, Thread>& engine_ = *new Engine<RawOs, Thread>;
};

// May stay: what waits before somebody else collects it, the freer's outbox, the owner's bins, one span in reserve and one
// that is being used up.
constexpr std::size_t may_stay = MiB + 256 * KiB + 64 * KiB + 2 * 16 * slice_bytes;

TEST_F(Stranded, IsBoundedThoughTheOwnerSleeps) {
  for (const std::size_t bytes : {64U, 2'000U, 30'000U}) {
    SCOPED_TRACE(bytes);
    const std::size_t before = span_bytes();
    const std::vector<void*> blocks = allocate(32 * MiB / bytes, bytes);
    Thread::forget();
    for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
    EXPECT_LE(span_bytes() - before, may_stay);
    EXPECT_STREQ(engine_.broken_law(), nullptr);
  }
}

// A thread for which no heap can be had allocates from the one that threads share at their end.
TEST(StrandedWithoutAHeap, ServesFromTheSharedOne) {
  using Refusing = test::FailingOs<RawOs, struct OfNoHeap>;
  using Thread = test::TestThread<Refusing, struct OfNoHeap>;
  auto& engine = *new Engine<Refusing, Thread>;
  Thread::forget();
  (void)engine.allocate(100, 16);
  Thread::forget();
  Refusing::reset();
  Refusing::fail_at(test::Operation::reserve, 1);
  void* const block = engine.allocate(100, 16);
  EXPECT_EQ(Refusing::failures, 1U);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(engine.deallocate(block));
  EXPECT_STREQ(engine.broken_law(), nullptr);
}

// A thread that has no heap, and for which there is no memory to make one.
TEST(StrandedWithoutMemory, IsNothing) {
  using Refusing = test::FailingOs<RawOs, struct OfStranded>;
  using Thread = test::TestThread<Refusing, struct OfStranded>;
  auto& engine = *new Engine<Refusing, Thread>;
  Thread::forget();
  void* const block = engine.allocate(100, 16);
  Thread::forget();
  Refusing::reset();
  Refusing::fail_at(test::Operation::reserve, 1);
  EXPECT_TRUE(engine.deallocate(block));
  EXPECT_EQ(Refusing::failures, 1U);
  (void)engine.trim();
  EXPECT_EQ(engine.stats().live_bytes, 0U);
}

// Each span is announced with its first slot, and collected; of the others, nobody is told.
TEST_F(Stranded, IsBoundedWhereEverySpanWasCollectedEarly) {
  constexpr std::size_t bytes = 2'000;
  const std::vector<void*> blocks = allocate(32 * MiB / bytes, bytes);
  Heap<RawOs>& owner = *Thread::heap();
  Thread::forget();
  for (std::size_t i = 0; i < blocks.size(); i += 8) EXPECT_TRUE(engine_.deallocate(blocks[i]));
  owner.collect();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 8 == 0) continue;
    EXPECT_TRUE(engine_.deallocate(blocks[i]));
  }
  EXPECT_LE(span_bytes(), may_stay);
}

// While much is alive, an eighth of the spans may wait.
TEST_F(Stranded, IsAnEighthOfWhatIsAlive) {
  constexpr std::size_t bytes = 2'000;
  const std::vector<void*> blocks = allocate(64 * MiB / bytes, bytes);
  Thread::forget();
  std::size_t live = blocks.size() * bytes;
  for (std::size_t i = 0; i < blocks.size() / 2; ++i) {
    EXPECT_TRUE(engine_.deallocate(blocks[i]));
    live -= bytes;
  }
  EXPECT_LE(span_bytes(), live + live / 7 + live / 16 + may_stay) << "1 in 16: the tails of slots";
}

TEST_F(Stranded, IsNothingMoreWhenTheOwnerIsParked) {
  (void)allocate(1, 16);
  Heap<RawOs>& freers = *Thread::heap();  // or it would be given the parked one
  Thread::forget();
  const std::size_t before = span_bytes();
  const std::vector<void*> blocks = allocate(32 * MiB / 2'000, 2'000);
  engine_.park();
  Thread::give(&freers);
  for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  EXPECT_LE(span_bytes() - before, may_stay);
}

// A child has but the thread that forked: the heaps of all others wait for its new ones.
TEST_F(Stranded, HeapsOfThreadsThatAreGoneInAChildServeItsNewThreads) {
  (void)allocate(1, 100);
  Heap<RawOs>* const gone = Thread::heap();
  Thread::forget();
  (void)allocate(1, 100);
  Heap<RawOs>* const forks = Thread::heap();
  ASSERT_NE(gone, forks);
  engine_.before_fork();
  engine_.after_fork_in_child();
  EXPECT_EQ(Thread::heap(), forks) << "its own it keeps";
  Thread::forget();
  (void)allocate(1, 100);
  EXPECT_EQ(Thread::heap(), gone);
  Thread::forget();
  (void)allocate(1, 100);
  EXPECT_NE(Thread::heap(), forks);
  EXPECT_NE(Thread::heap(), gone) << "a heap serves one thread";
}

// What a parked heap keeps in its bins goes back when anybody needs more memory than there is.
TEST_F(Stranded, AParkedHeapIsSweptWhenAChunkIsMapped) {
  (void)allocate(1, 16);
  Heap<RawOs>& other = *Thread::heap();  // of a thread that goes on
  Thread::forget();
  for (const std::size_t bytes : {1'000U, 2'000U, 4'000U, 8'000U}) {
    const std::vector<void*> blocks = allocate(8, bytes);
    for (void* const block : blocks) EXPECT_TRUE(engine_.deallocate(block));
  }
  Heap<RawOs>& parked = *Thread::heap();
  engine_.park();
  const auto held = [&] {
    std::size_t slots = 0;
    for (const auto& bin : parked.bins) slots += bin.held();
    return slots;
  };
  ASSERT_NE(held(), 0U);
  Thread::give(&other);
  (void)allocate(2 * chunk_bytes / 30'000, 30'000);
  EXPECT_EQ(held(), 0U);
}

}  // namespace
}  // namespace basalt::engine
