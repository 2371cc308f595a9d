// The schedule explorer on small protocols: what it finds, how it says so, and how mutants are made.

#include "support/explorer/explorer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/explorer/mutants.hpp"

namespace basalt::explorer {
namespace {

using Order = std::memory_order;
constexpr Order kRelaxed = std::memory_order_relaxed;
constexpr Order kAcquire = std::memory_order_acquire;
constexpr Order kRelease = std::memory_order_release;
constexpr Order kAcqRel = std::memory_order_acq_rel;

using Int = ModelAtomics::Atomic<int>;

// A spin lock, as a protocol in src/ would be written.

template <class Atomics>
class SpinLock {
 public:
  void lock() {
    while (taken_.exchange(1, kAcquire) != 0) Atomics::pause();
  }
  void unlock() { taken_.store(0, kRelease); }

 private:
  typename Atomics::template Atomic<int> taken_{0};
};

void two_increments(Execution& run) {
  SpinLock<ModelAtomics> lock;
  Plain<int> counter{0};
  const auto increment = [&] {
    lock.lock();
    counter.set(counter.get() + 1);
    lock.unlock();
  };
  run.threads(increment, increment);
  require(counter.get() == 2, "an increment was lost");
}

TEST(Explorer, SpinLockExcludes) {
  const Result result = explore(two_increments);
  EXPECT_TRUE(result.holds()) << result.report();
}

TEST(Explorer, SpinLockNeedsBothOrders) {
  const MutantReport report = weaken_each(two_increments);
  std::cout << report.text();
  ASSERT_EQ(report.mutants.size(), 2U);
  EXPECT_TRUE(report.all_caught());
  for (const Mutant& mutant : report.mutants) {
    EXPECT_EQ(mutant.result.failure.rfind("data race: T", 0), 0U) << mutant.result.failure;
  }
}

TEST(Explorer, ThreeThreadsOnOneLock) {
  const Result result = explore([](Execution& run) {
    SpinLock<ModelAtomics> lock;
    Plain<int> counter{0};
    const auto increment = [&] {
      lock.lock();
      counter.set(counter.get() + 1);
      lock.unlock();
    };
    run.threads(increment, increment, increment);
    require(counter.get() == 3, "an increment was lost");
  });
  EXPECT_TRUE(result.holds()) << result.report();
}

// A Treiber stack. `push` releases what `pop` acquires.

struct Node {
  Int next{-1};
  Plain<int> payload;
};

template <class Atomics>
class Stack {
 public:
  explicit Stack(Node* nodes) : nodes_(nodes) {}

  void push(int node) {
    int head = head_.load(kRelaxed);
    do {
      nodes_[node].next.store(head, kRelaxed);
    } while (!head_.compare_exchange_weak(head, node, kRelease, kRelaxed));
  }

  // Returns: a node, or -1.
  int pop() {
    int head = head_.load(kAcquire);
    for (;;) {
      if (head < 0) return head;
      const int next = nodes_[head].next.load(kRelaxed);
      if (head_.compare_exchange_weak(head, next, kRelaxed, kAcquire)) return head;
    }
  }

 private:
  Node* nodes_;
  typename Atomics::template Atomic<int> head_{-1};
};

struct StackRun {
  explicit StackRun(Execution& run)
      : nodes(run.make<std::array<Node, 3>>()), stack(run.make<Stack<ModelAtomics>>(nodes.data())) {}

  void push(int node) {
    nodes[static_cast<std::size_t>(node)].payload.set(10 + node);
    stack.push(node);
  }
  int pop() {
    const int node = stack.pop();
    if (node < 0) return node;
    require(nodes[static_cast<std::size_t>(node)].payload.get() == 10 + node, "the payload was not seen");
    require(++popped[node] == 1, "a node came twice");
    return node;
  }

  std::array<Node, 3>& nodes;
  Stack<ModelAtomics>& stack;
  int popped[3] = {};
};

// Nothing is lost, nothing comes twice, payloads are seen.
void push_and_pop(Execution& run) {
  StackRun it(run);
  it.push(2);
  run.threads([&] { it.push(0); }, [&] { it.push(1); },
              [&] {
                it.pop();
                it.pop();
              });
  while (it.pop() >= 0) {
  }
  require(it.popped[0] + it.popped[1] + it.popped[2] == 3, "a node was lost");
}

TEST(Explorer, TreiberStackHolds) {
  const Result result = explore(push_and_pop);
  EXPECT_TRUE(result.holds()) << result.report();
  std::cout << result.report();
}

TEST(Explorer, TreiberStackNeedsItsOrders) {
  const MutantReport report = weaken_each(push_and_pop);
  std::cout << report.text();
  EXPECT_EQ(report.mutants.size(), 3U);
  EXPECT_TRUE(report.all_caught());
}

// A node is taken off and put back between another pop's read of `next` and its compare-exchange, which succeeds.
TEST(Explorer, FindsAbaInANaivePop) {
  const Result result = explore([](Execution& run) {
    StackRun it(run);
    it.push(2);
    it.push(1);
    it.push(0);
    int kept = -1;
    run.threads([&] { it.stack.pop(); },
                [&] {
                  const int first = it.stack.pop();
                  kept = it.stack.pop();
                  if (first >= 0) it.stack.push(first);
                });
    for (int node = it.stack.pop(); node >= 0; node = it.stack.pop()) {
      require(node != kept, "a node is on the stack although a thread holds it");
    }
  });
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.failure, "a node is on the stack although a thread holds it") << result.report();
}

// Compare-exchange.

TEST(Explorer, StrongCompareExchangeHasOneWinner) {
  const Result result = explore([](Execution& run) {
    Int x{0};
    int winners = 0;
    const auto race = [&](int mine) {
      int expected = 0;
      if (x.compare_exchange_strong(expected, mine, kRelaxed)) ++winners;
    };
    run.threads([&] { race(1); }, [&] { race(2); }, [&] { race(3); });
    require(winners == 1, "not exactly one winner");
  });
  EXPECT_TRUE(result.holds()) << result.report();
}

TEST(Explorer, WeakCompareExchangeFailsSpuriously) {
  Options options;
  const Body body = [](Execution& run) {
    Int x{0};
    int expected = 0;
    bool done = false;
    run.threads([&] { done = x.compare_exchange_weak(expected, 1, kAcqRel, kAcquire); });
    require(done || expected != 0, "failed although the value was as expected");
  };
  EXPECT_TRUE(explore(options, body).failed);
  options.spurious_failures = 0;
  EXPECT_TRUE(explore(options, body).holds());
}

// Waiting.

TEST(Explorer, DeadlockIsReported) {
  const Result result = explore([](Execution& run) {
    SpinLock<ModelAtomics> a, b;
    const auto both = [](auto& first, auto& second) {
      first.lock();
      second.lock();
      second.unlock();
      first.unlock();
    };
    run.threads([&] { both(a, b); }, [&] { both(b, a); });
  });
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.failure.rfind("deadlock: T1 waits at explorer_test.cpp:", 0), 0U) << result.report();
}

TEST(Explorer, WaitingEndsWhenTheWriteComes) {
  const Result result = explore([](Execution& run) {
    Int turn{0};
    const auto wait_for = [&](int value) {
      while (turn.load(kAcquire) != value) ModelAtomics::pause();
    };
    run.threads(
        [&] {
          turn.store(1, kRelease);
          wait_for(2);
        },
        [&] {
          wait_for(1);
          turn.store(2, kRelease);
        });
  });
  EXPECT_TRUE(result.holds()) << result.report();
}

// A back-off in a loop that fails because of somebody else's success must not be taken for waiting.
TEST(Explorer, PauseAfterALostRaceIsNotWaiting) {
  const Result result = explore([](Execution& run) {
    Int x{0};
    const auto increment = [&] {
      int old = x.load(kRelaxed);
      while (!x.compare_exchange_weak(old, old + 1, kRelaxed)) ModelAtomics::pause();
    };
    run.threads(increment, increment, increment);
    require(x.load(kRelaxed) == 3, "an increment was lost");
  });
  EXPECT_TRUE(result.holds()) << result.report();
}

TEST(Explorer, EndlessLoopIsReported) {
  const Result result = explore([](Execution& run) {
    Int x{0};
    run.threads([&] {
      while (x.load(kRelaxed) == 0) {
      }
    });
  });
  EXPECT_EQ(result.failure, "no progress: the limit of operations is reached");
}

TEST(Explorer, EndlessLoopOfTheBodyIsReported) {
  const Result result = explore([](Execution&) {
    Int x{0};
    while (x.load(kRelaxed) == 0) ModelAtomics::pause();
  });
  EXPECT_EQ(result.failure, "no progress: the limit of operations is reached");
}

// Races.

TEST(Explorer, UseBeforeConstructionIsARace) {
  const Result result = explore([](Execution& run) {
    ModelAtomics::Atomic<Int*> shared{nullptr};
    run.threads([&] { shared.store(&run.make<Int>(7), kRelaxed); },
                [&] {
                  if (const Int* it = shared.load(kRelaxed)) it->load(kRelaxed);
                });
  });
  EXPECT_NE(result.failure.find("whose construction does not happen before"), std::string::npos)
      << result.report();
}

TEST(Explorer, UnorderedReadsAreNoRace) {
  const Result result = explore([](Execution& run) {
    Plain<int> data{3};
    run.threads([&] { (void)data.get(); }, [&] { (void)data.get(); });
  });
  EXPECT_TRUE(result.holds()) << result.report();
}

TEST(Explorer, UnorderedReadAndWriteRace) {
  const auto read_first = [](Execution& run) {
    Plain<int> data{3};
    run.threads([&] { (void)data.get(); }, [&] { data.set(4); });
  };
  const auto write_first = [](Execution& run) {
    Plain<int> data{3};
    run.threads([&] { data.set(4); }, [&] { (void)data.get(); });
  };
  EXPECT_EQ(explore(read_first).failure.rfind("data race: T2 ", 0), 0U);
  EXPECT_EQ(explore(write_first).failure.rfind("data race: T2 ", 0), 0U);
}

// What is printed.

TEST(Explorer, FailureIsATable) {
  const Result result = explore([](Execution& run) {
    Int door{0};
    name(door, "door");
    run.threads([&] { door.store(-4, kRelease); });
    require(false, "shown");
  });
  EXPECT_NE(result.report().find("FAILED: shown\n"), std::string::npos);
  EXPECT_NE(result.trace.find("   1  T1      store                    door          -4 "), std::string::npos)
      << result.trace;
  EXPECT_NE(result.trace.find(" release   explorer_test.cpp:"), std::string::npos) << result.trace;
}

TEST(Explorer, SurvivingMutantIsNamed) {
  const MutantReport report = weaken_each([](Execution& run) {
    Int x{0};
    run.threads([&] { x.fetch_add(1, kAcqRel); }, [&] { x.fetch_add(1, kAcqRel); });
    require(x.load(kRelaxed) == 2, "an increment was lost");
  });
  EXPECT_EQ(report.survivors(),
            2U);  // both lambdas are on one line, and so one site with two weaker neighbours
  EXPECT_NE(report.text().find("SURVIVED  explorer_test.cpp:"), std::string::npos);
  EXPECT_NE(report.text().find("fetch_add acq_rel -> release"), std::string::npos);
}

}  // namespace
}  // namespace basalt::explorer
