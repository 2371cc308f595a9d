// The locks, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include "base/spin_lock.hpp"
#include "platform/futex_lock.hpp"
#include "support/explored.hpp"

namespace basalt {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};

template <class Lock>
struct Guarded {
  Lock lock;
  Plain<int> contents{0};

  void add() {
    Holding hold{lock};
    contents.set(contents.get() + 1);
  }
  void add_if_open() {
    if (!lock.try_lock()) return;
    contents.set(contents.get() + 1);
    lock.unlock();
  }
};

template <class Lock>
void two_wait(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  run.threads([&] { guarded.add(); }, [&] { guarded.add(); });
  require(guarded.contents.get() == 2, "two were inside at the same time");
}

template <class Lock>
void three_wait(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  run.threads([&] { guarded.add(); }, [&] { guarded.add(); }, [&] { guarded.add(); });
  require(guarded.contents.get() == 3, "two were inside at the same time");
}

// The lock was taken before the others came.
template <class Lock>
void two_wait_for_a_third(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  guarded.lock.lock();
  run.threads([&] { guarded.lock.unlock(); }, [&] { guarded.add(); }, [&] { guarded.add(); });
  require(guarded.contents.get() == 2, "two were inside at the same time");
}

template <class Lock>
void two_wait_twice(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  const auto twice = [&] {
    guarded.add();
    guarded.add();
  };
  run.threads(twice, twice);
  require(guarded.contents.get() == 4, "two were inside at the same time");
}

template <class Lock>
void one_tries(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  run.threads([&] { guarded.add(); }, [&] { guarded.add_if_open(); });
}

template <class Lock>
void two_try(Execution& run) {
  auto& guarded = run.make<Guarded<Lock>>();
  run.threads([&] { guarded.add_if_open(); }, [&] { guarded.add_if_open(); });
  require(guarded.contents.get() != 0, "the lock was open, and nobody got in");
}

using Spinning = SpinLock<ModelWaiting, ModelAtomics>;

constexpr Scenario of_spinning[] = {
    {"two_wait", two_wait<Spinning>},
    {"three_wait", three_wait<Spinning>},
    {"two_wait_twice", two_wait_twice<Spinning>},
    {"one_tries", one_tries<Spinning>},
    {"two_try", two_try<Spinning>},
};

TEST(SpinLockExplored, LetsOneInAtATime) {
  test::expect_explored({"the lock that looks again", {"src/base/spin_lock.hpp"}, of_spinning});
}

// futex(2) as the kernel's manual has it: who goes to sleep is counted first and then looks at the word; who wakes has written to
// the word and then looks for sleepers; with a full barrier in between for both.
template <unsigned looks>
class ModelKernel {
 public:
  static constexpr unsigned patience = looks;

  template <class Word, class Value>
  static void sleep_while(const Word& word, Value value) {
    Word& mutable_word = const_cast<Word&>(word);
    queue().fetch_add(sleeper, std::memory_order_relaxed);
    ModelAtomics::fence(std::memory_order_seq_cst);
    if (mutable_word.load(std::memory_order_relaxed) != value) return leave();
    while (!take_waking()) ModelAtomics::pause();
  }

  template <class Word>
  static void wake_one(const Word&) {
    ModelAtomics::fence(std::memory_order_seq_cst);
    unsigned now = queue().load(std::memory_order_relaxed);
    do {
      if (now % waking == 0) return;
    } while (!queue().compare_exchange_strong(now, now - sleeper + waking, std::memory_order_relaxed,
                                              std::memory_order_relaxed));
  }

  // Effects: one queue for this execution.
  static void begin(Execution& run) { queue_ = &run.make<Queue>(); }

 private:
  using Queue = ModelAtomics::Atomic<unsigned>;
  static constexpr unsigned sleeper = 1, waking = 1 << 8;

  static Queue& queue() { return *queue_; }

  static bool take_waking() {
    unsigned now = queue().load(std::memory_order_relaxed);
    return now >= waking && queue().compare_exchange_strong(now, now - waking, std::memory_order_relaxed,
                                                            std::memory_order_relaxed);
  }
  // Whoever was to be woken meanwhile has been.
  static void leave() {
    unsigned now = queue().load(std::memory_order_relaxed);
    while (!queue().compare_exchange_strong(now, now % waking == 0 ? now - waking : now - sleeper,
                                            std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
  }

  static inline Queue* queue_ = nullptr;
};

template <unsigned looks>
using Sleeping = SleepingLock<ModelKernel<looks>, ModelAtomics>;

template <unsigned looks, void (*body)(Execution&)>
void with_kernel(Execution& run) {
  ModelKernel<looks>::begin(run);
  body(run);
}

constexpr Scenario of_sleeping[] = {
    {"two_wait", with_kernel<1, two_wait<Sleeping<1>>>},
    {"two_wait_for_a_third", with_kernel<0, two_wait_for_a_third<Sleeping<0>>>, 1},
    {"two_wait_twice", with_kernel<0, two_wait_twice<Sleeping<0>>>},
    {"one_tries", with_kernel<1, one_tries<Sleeping<1>>>},
    {"two_try", with_kernel<1, two_try<Sleeping<1>>>},
};

// A waking that gets lost would be a deadlock.
TEST(FutexLockExplored, LetsOneInAtATimeAndWakesAll) {
  test::expect_explored({"the lock that sleeps", {"src/platform/futex_lock.hpp"}, of_sleeping});
}

}  // namespace
}  // namespace basalt
