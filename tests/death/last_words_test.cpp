// A program may handle SIGABRT, and handlers that print a backtrace allocate: what dies in the heap must not hang there.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/spin_lock.hpp"
#include "platform/backoff.hpp"
#include "platform/fatal.hpp"
#include "platform/fork_lock.hpp"

namespace {

using namespace basalt;

constinit ForkLock<SpinLock<Backoff>> lock;

void say(const char* words, std::size_t bytes) { (void)!::write(2, words, bytes); }

void use_the_lock(int) {
  for (int i = 0; i < 2; ++i) {
    lock.lock();
    lock.unlock();
  }
  say("served\n", 7);
}

void fail_again(int) { fatal(Text{} << "basalt: the second"); }

TEST(LastWordsDeath, TheLockIsOpenToAThreadThatDiesInIt) {
  EXPECT_EXIT(
      {
        ::alarm(20);
        std::signal(SIGABRT, use_the_lock);
        lock.lock();
        fatal(Text{} << "basalt: the first");
      },
      ::testing::KilledBySignal(SIGABRT), "^basalt: the first\nserved\n$");
}

TEST(LastWordsDeath, AThreadThatDiesElsewhereWaitsForTheLock) {
  EXPECT_EXIT(
      {
        ::alarm(20);
        std::signal(SIGABRT, use_the_lock);
        lock.lock();
        std::thread dying{[] { fatal(Text{} << "basalt: the first"); }};
        lock.unlock();
        dying.join();
      },
      ::testing::KilledBySignal(SIGABRT), "^basalt: the first\nserved\n$");
}

TEST(LastWordsDeath, AHandlerThatFailsTooEndsTheProgram) {
  EXPECT_EXIT(
      {
        ::alarm(20);
        std::signal(SIGABRT, fail_again);
        fatal(Text{} << "basalt: the first");
      },
      ::testing::KilledBySignal(SIGABRT), "^basalt: the first\nbasalt: the second\n$");
}

}  // namespace
