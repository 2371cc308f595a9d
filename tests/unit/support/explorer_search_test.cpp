// The search of the schedule explorer: its reductions lose no outcome, its bounds and seeds do what they say.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "support/explorer/explorer.hpp"

namespace basalt::explorer {
namespace {

using Order = std::memory_order;
using Int = ModelAtomics::Atomic<int>;
constexpr Order kRelaxed = std::memory_order_relaxed;
constexpr Order kSeqCst = std::memory_order_seq_cst;

// Random programs, explored with all reductions and without any: the outcomes must be the same.

enum class Verb { load, store, fetch_add, exchange, strong, weak, fence };

struct Line {
  Verb verb;
  std::size_t location;
  Order order, failure;
  int value, expected;
};

using Program = std::vector<std::vector<Line>>;
using Outcome = std::vector<int>;

class Author {
 public:
  explicit Author(unsigned seed) : generator_(seed) {}

  Program write(std::size_t threads, std::size_t lines) {
    Program program(threads);
    for (auto& thread : program) {
      for (std::size_t i = lines - draw(2); i > 0; --i) thread.push_back(line());
    }
    return program;
  }

 private:
  Line line() {
    static constexpr Verb kVerbs[] = {Verb::load,     Verb::load,   Verb::store, Verb::store, Verb::fetch_add,
                                      Verb::exchange, Verb::strong, Verb::weak,  Verb::fence};
    static constexpr Order kLoads[] = {std::memory_order_relaxed, std::memory_order_acquire, kSeqCst};
    static constexpr Order kStores[] = {std::memory_order_relaxed, std::memory_order_release, kSeqCst};
    static constexpr Order kUpdates[] = {std::memory_order_acquire, std::memory_order_release,
                                         std::memory_order_acq_rel, kSeqCst};
    const Verb verb = kVerbs[draw(std::size(kVerbs))];
    const Order order = verb == Verb::load    ? kLoads[draw(3)]
                        : verb == Verb::store ? kStores[draw(3)]
                                              : kUpdates[draw(4)];
    return {verb, draw(2), order, kLoads[draw(3)], ++value_, draw(3) == 0 ? static_cast<int>(draw(9)) : 0};
  }

  std::size_t draw(std::size_t below) { return generator_() % below; }

  std::mt19937 generator_;
  int value_ = 0;
};

int perform(const Line& line, std::array<Int, 2>& memory) {
  Int& x = memory[line.location];
  int expected = line.expected;
  switch (line.verb) {
    case Verb::load:
      return x.load(line.order);
    case Verb::store:
      x.store(line.value, line.order);
      return 0;
    case Verb::fetch_add:
      return x.fetch_add(line.value, line.order);
    case Verb::exchange:
      return x.exchange(line.value, line.order);
    case Verb::strong:
      return 100 * x.compare_exchange_strong(expected, line.value, line.order, line.failure) + expected;
    case Verb::weak:
      return 100 * x.compare_exchange_weak(expected, line.value, line.order, line.failure) + expected;
    case Verb::fence:
      ModelAtomics::fence(line.order);
      return 0;
  }
  return 0;
}

struct Seen {
  Result result;
  std::map<Outcome, int> outcomes;
};

Seen outcomes_of(const Program& program, unsigned preemptions) {
  Seen seen;
  Outcome outcome;
  Options options{.preemptions = preemptions};
  options.observe = [&](const Execution&) { ++seen.outcomes[outcome]; };
  seen.result = explore(options, [&](Execution& run) {
    auto& memory = run.make<std::array<Int, 2>>();
    outcome.assign(program.size() * 8, 0);
    const auto thread = [&](std::size_t id) {
      for (std::size_t i = 0; i < program[id].size(); ++i)
        outcome[8 * id + i] = perform(program[id][i], memory);
    };
    if (program.size() == 2) {
      run.threads([&] { thread(0); }, [&] { thread(1); });
    } else {
      run.threads([&] { thread(0); }, [&] { thread(1); }, [&] { thread(2); });
    }
    outcome[6] = memory[0].load(kRelaxed);
    outcome[7] = memory[1].load(kRelaxed);
  });
  return seen;
}

class ReductionTest : public testing::TestWithParam<std::pair<std::size_t, std::size_t>> {};

TEST_P(ReductionTest, LosesNoOutcome) {
  const auto [threads, lines] = GetParam();
  std::uint64_t reduced = 0, whole = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    const Program program = Author(seed).write(threads, lines);
    const Seen with = outcomes_of(program, kUnbounded);
    const Seen without = outcomes_of(program, 1000);  // a bound never reached, and no reduction
    EXPECT_TRUE(with.result.complete);
    ASSERT_EQ(with.outcomes.size(), without.outcomes.size()) << "seed " << seed;
    for (const auto& [outcome, times] : with.outcomes) EXPECT_EQ(without.outcomes.count(outcome), 1U);
    reduced += with.result.executions + with.result.redundant;
    whole += without.result.executions;
  }
  std::cout << reduced << " executions instead of " << whole << "\n";
  EXPECT_LT(2 * reduced, whole);
}

INSTANTIATE_TEST_SUITE_P(Explorer, ReductionTest,
                         testing::Values(std::pair(2, 3), std::pair(2, 4), std::pair(3, 2)),
                         [](const auto& test) {
                           return std::to_string(test.param.first) + "ThreadsOf" +
                                  std::to_string(test.param.second);
                         });

// Bounds and seeds.

// Read-modify-writes never read an old value, so it takes one preemption to lose an increment.
void lost_increment(Execution& run) {
  Int x{0};
  const auto increment = [&] {
    const int old = x.fetch_add(0, kRelaxed);
    x.exchange(old + 1, kRelaxed);
  };
  run.threads(increment, increment);
  require(x.load(kRelaxed) == 2, "an increment was lost");
}

TEST(ExplorerBounds, PreemptionsAreCounted) {
  EXPECT_FALSE(explore({.preemptions = 0}, lost_increment).failed);
  EXPECT_TRUE(explore({.preemptions = 1}, lost_increment).failed);
}

TEST(ExplorerBounds, BoundedSearchIsNoProof) {
  const Result result = explore({.preemptions = 0}, lost_increment);
  EXPECT_FALSE(result.complete);
  EXPECT_FALSE(result.holds());
  EXPECT_NE(result.report().find("not complete: bound hit"), std::string::npos);
}

TEST(ExplorerBounds, ExecutionsAreCounted) {
  const Result result = explore({.max_executions = 1}, lost_increment);
  EXPECT_FALSE(result.complete);
  EXPECT_LE(result.executions, 1U);
}

TEST(ExplorerRandom, FailingSeedFailsAgainInTheSameWay) {
  const Options options{.mode = Mode::random, .max_executions = 1000, .seed = 7};
  const Result first = explore(options, lost_increment);
  ASSERT_TRUE(first.failed);
  EXPECT_NE(first.report().find("seed = " + std::to_string(first.failing_seed)), std::string::npos);
  const Result again =
      explore({.mode = Mode::random, .max_executions = 1, .seed = first.failing_seed}, lost_increment);
  EXPECT_TRUE(again.failed);
  EXPECT_EQ(again.trace, first.trace);
}

TEST(ExplorerRandom, RunsAsManyAsAsked) {
  const Result result = explore({.mode = Mode::random, .max_executions = 50}, [](Execution& run) {
    Int x{0};
    run.threads([&] { x.store(1, kRelaxed); }, [&] { x.store(2, kRelaxed); });
  });
  EXPECT_EQ(result.executions, 50U);
  EXPECT_FALSE(result.complete);
}

}  // namespace
}  // namespace basalt::explorer
