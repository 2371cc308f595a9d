#include "base/spin_lock.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/heap_stats.hpp"
#include "platform/backoff.hpp"

namespace basalt {
namespace {

using Lock = SpinLock<Backoff>;

constinit Lock lock_of_all;  // usable before main

TEST(SpinLock, LetsOneThreadInAtATime) {
  constexpr int rounds = 400'000;
  int inside = 0;
  int counted = 0;
  const auto work = [&] {
    for (int i = 0; i < rounds; ++i) {
      Holding<Lock> hold{lock_of_all};
      inside += 1;
      counted += inside;
      inside -= 1;
    }
  };
  std::thread other{work};
  work();
  other.join();
  EXPECT_EQ(counted, 2 * rounds);
}

// A waiter backs off until the holder lets go, and then gets in.
TEST(SpinLock, IsOpenAgainAtTheEndOfTheScope) {
  static int pauses;
  struct OpensAfterThree {
    static void open() { shared().unlock(); }
    static SpinLock<OpensAfterThree>& shared() {
      static constinit SpinLock<OpensAfterThree> lock;
      return lock;
    }
    void pause() noexcept {
      if (++pauses == 3) open();
    }
  };
  auto& lock = OpensAfterThree::shared();
  pauses = 0;
  { const Holding hold{lock}; }
  EXPECT_EQ(pauses, 0);
  lock.lock();
  const Holding hold{lock};
  EXPECT_EQ(pauses, 3);
}

TEST(HeapStats, TheLawOfConservation) {
  EXPECT_TRUE(HeapStats{}.conserved());
  EXPECT_TRUE((
      HeapStats{.live_bytes = 64, .free_bytes = 32, .grown_bytes = 128, .given_back_bytes = 32}.conserved()));
  EXPECT_FALSE(
      (HeapStats{.live_bytes = 64, .free_bytes = 32, .grown_bytes = 128, .given_back_bytes = 0}.conserved()));
}

}  // namespace
}  // namespace basalt
