// The engine's statistics against what the system was asked for and what callers hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "platform/raw_os.hpp"
#include "support/counted_os.hpp"
#include "support/readable.hpp"
#include "support/seed.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

using engine::SpanFigures;
using engine::Statistics;
using test::Dice;

// Its pages, from the first to the last.
Range whole(Range table, std::size_t page) {
  return range_between(align_down(table.begin, page), align_up(table.end(), page));
}

// Whether what lies beside each table, if it is not another one, cannot be touched.  Requires: nobody allocates meanwhile.
template <class Engine>
bool are_fenced(const Engine& engine) {
  std::vector<Range> tables;
  engine.each_table([&](Range table) { tables.push_back(table); });
  const std::size_t page = RawOs::page_size();
  const auto is_fence = [&](std::byte* p) {
    return !test::readable(p) || std::any_of(tables.begin(), tables.end(), [&](Range table) {
      return whole(table, page).contains({p, 1});
    });
  };
  return std::all_of(tables.begin(), tables.end(), [&](Range table) {
    return is_fence(whole(table, page).begin - 1) && is_fence(whole(table, page).end());
  });
}

// What can be said of the figures whatever is going on. Returns: nullptr, or what is wrong.
template <class Engine>
const char* wrong_in(const Engine& engine) {
  const char* wrong = nullptr;
  std::size_t tables_have = 0;
  engine.with_statistics([&](const Statistics& now, const auto& each_heap) {
    wrong = now.broken_law();
    SpanFigures sum;
    each_heap([&](engine::HeapId, const SpanFigures& figures) {
      if (!figures.closes()) wrong = "the figures of a heap do not close";
      sum.bytes += figures.bytes, sum.live += figures.live, sum.cached += figures.cached;
      sum.free += figures.free, sum.remote += figures.remote;
    });
    tables_have = now.metadata;
    const SpanFigures& all = now.spans;
    if (sum.bytes != all.bytes || sum.live != all.live || sum.cached != all.cached || sum.free != all.free ||
        sum.remote != all.remote) {
      wrong = "the heaps do not sum to all spans";
    }
  });
  std::size_t mapped = 0;
  engine.each_table([&](Range table) {
    mapped += table.size;
    if (engine.owns(table.begin) || engine.owns(table.end() - 1)) wrong = "a block lies in a table";
  });
  return mapped < tables_have ? "there is metadata outside of all tables" : wrong;
}

template <class Engine>
Statistics taken(const Engine& engine) {
  Statistics copy;
  engine.with_statistics([&](const Statistics& now, const auto&) { copy = now; });
  return copy;
}

struct OfOne;
using System = test::CountedOs<RawOs, OfOne>;

// With one thread every figure is known from outside: the blocks that are held, and the calls to the system.
class StatisticsModel : public testing::Test {
 protected:
  using Thread = test::TestThread<System, OfOne>;
  using Engine = engine::Engine<System, Thread>;

  StatisticsModel() {
    Thread::forget();
    System::usable = 0;
  }

  void step(Dice& dice) {
    if (!held_.empty() && dice.below(100) < 45) {
      const std::size_t i = dice.below(held_.size());
      EXPECT_TRUE(engine_.deallocate(held_[i]));
      held_[i] = held_.back();
      held_.pop_back();
    } else {
      held_.push_back(engine_.allocate(dice.size(23), std::size_t{1} << dice.below(13)));
      ASSERT_NE(held_.back(), nullptr);
    }
    if (!held_.empty() && dice.one_in(10)) {
      void*& block = held_[dice.below(held_.size())];
      block = engine_.reallocate(block, dice.size(24));
      ASSERT_NE(block, nullptr);
    }
    if (dice.one_in(100)) (void)engine_.trim();
  }

  // What `live` should be, from the blocks in hand.
  void expect_rightly_counted() {
    ASSERT_STREQ(wrong_in(engine_), nullptr);
    ASSERT_TRUE(are_fenced(engine_));
    const Statistics now = taken(engine_);
    std::size_t small = 0;
    std::size_t others = 0;
    std::map<std::size_t, std::size_t> by_size;
    for (const void* const block : held_) {
      // A block of no bytes has a slot of 16, too, none of which it may use.
      const std::size_t bytes = std::max(engine_.usable_size(block), engine::slot_bytes(0));
      (bytes <= engine::largest_small ? small : others) += bytes;
      by_size[bytes] += bytes;
    }
    EXPECT_EQ(now.spans.live, small);
    EXPECT_EQ(now.large + now.huge, others);
    for (unsigned c = 1; c < engine::class_count; ++c) {
      const std::size_t of_none = c == 1 ? now.of_class[0].live : 0;
      EXPECT_EQ(now.of_class[c].live + of_none, by_size[engine::slot_bytes(c)]) << engine::slot_bytes(c);
    }
    EXPECT_EQ(now.mapped, System::usable.load()) << "not all that the system gave is accounted for";
    EXPECT_LE(now.rounding_sampled, now.spans.live);
  }

  Engine& engine_ = *new Engine;  // the engine has no end
  std::vector<void*> held_;
};

TEST_F(StatisticsModel, EveryByteThatTheSystemGaveIsAccountedFor) {
  Dice dice{test::seed()};
  expect_rightly_counted();
  for (std::size_t i = 0; i < 6'000 && !HasFailure(); ++i) {
    step(dice);
    if (i % 50 == 0) expect_rightly_counted();
  }
  while (!held_.empty()) {
    EXPECT_TRUE(engine_.deallocate(held_.back()));
    held_.pop_back();
  }
  (void)engine_.trim();
  expect_rightly_counted();
  EXPECT_EQ(taken(engine_).live(), 0U);
  EXPECT_EQ(taken(engine_).spans.bytes, 0U);
  EXPECT_EQ(taken(engine_).dirty, 0U);
}

TEST_F(StatisticsModel, RoundingIsEstimatedFromRequests) {
  for (int i = 0; i < 5'000; ++i) held_.push_back(engine_.allocate(100, 16));  // in slots of 112
  const Statistics now = taken(engine_);
  const double truth = 5'000 * 12;
  EXPECT_GT(static_cast<double>(now.rounding_sampled), truth * 0.9);
  EXPECT_LT(static_cast<double>(now.rounding_sampled), truth * 1.1);
}

struct OfMany;

// Blocks pass from thread to thread all the time while one looks: no figure may be negative, every sum must close.
TEST(StatisticsInThreads, CloseAtEveryMoment) {
  using Thread = test::TestThread<RawOs, OfMany>;
  using Engine = test::TestEngine<RawOs, OfMany>;
  Thread::forget();
  Engine& engine = *new Engine;
  std::array<std::atomic<void*>, 64> shelf{};
  const std::uint64_t seed = test::seed();
  std::atomic<unsigned> working{3};
  std::vector<std::thread> threads;
  for (std::size_t self = 0; self < 3; ++self) {
    threads.emplace_back([&, self] {
      Dice dice{seed + self};
      for (std::size_t i = 0; i < 200'000; ++i) {
        void* const block = engine.allocate(dice.one_in(500) ? dice.size(22) : dice.size(12), 16);
        void* const old = shelf[dice.below(shelf.size())].exchange(block, std::memory_order_acq_rel);
        if (old != nullptr) (void)engine.deallocate(old);
      }
      engine.park();
      working.fetch_sub(1, std::memory_order_release);
    });
  }
  std::size_t looks = 0;
  while (working.load(std::memory_order_acquire) != 0 && !testing::Test::HasFailure()) {
    EXPECT_STREQ(wrong_in(engine), nullptr);
    ++looks;
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(looks, 0U);
  for (auto& place : shelf) (void)engine.deallocate(place.exchange(nullptr));
  (void)engine.trim();
  EXPECT_EQ(taken(engine).live(), 0U);
}

}  // namespace
}  // namespace basalt
