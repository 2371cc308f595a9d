// An engine without its checks, as it is measured against: it serves, and takes back whatever it is given. What the checks find
// is in tests/death/.

#include "engine/checks.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "engine/engine.hpp"
#include "platform/raw_os.hpp"
#include "support/test_thread.hpp"

namespace basalt::engine {
namespace {

using Thread = test::TestThread<RawOs, struct OfNoChecks, NoChecks>;
using Unchecked = Engine<RawOs, Thread, NoProfile, NoChecks>;

TEST(NoChecks, ServeAsTheChecksDo) {
  auto& engine = *new Unchecked;
  void* blocks[1000];
  for (void*& block : blocks) ASSERT_NE(block = engine.allocate(100, 16), nullptr);
  std::thread{[&] {
    for (int i = 0; i < 1000; i += 2) EXPECT_TRUE(engine.deallocate(blocks[i]));
    engine.park();
  }}.join();
  for (int i = 1; i < 1000; i += 2) EXPECT_TRUE(engine.deallocate(blocks[i]));
  engine.trim();
  EXPECT_EQ(engine.broken_law(), nullptr);
  EXPECT_EQ(engine.stats().live_bytes, 0U);
  Thread::forget();
}

TEST(NoChecks, FindNothing) {
  auto& engine = *new Unchecked;
  void* const block = engine.allocate(100, 16);
  EXPECT_TRUE(engine.deallocate(block) && engine.deallocate(block));
  engine.trim();
  EXPECT_STREQ(engine.broken_law(), "a span counts its free slots rightly");
  Thread::forget();
}

}  // namespace
}  // namespace basalt::engine
