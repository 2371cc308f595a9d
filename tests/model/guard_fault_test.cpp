// The engine with guarded slots over a system that refuses one call, each of them in turn: a request is served or refused, no
// block is lost or changed, and afterwards all is as ever.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfGuardFaults;
using System = test::FailingOs<RawOs, OfGuardFaults>;
using Thread = test::TestThread<System, OfGuardFaults>;
using Engine = test::TestEngine<System, OfGuardFaults>;

struct Held {
  unsigned char* at = nullptr;
  std::size_t size = 0;
  unsigned char mark = 0;

  [[nodiscard]] bool whole() const {
    return std::all_of(at, at + size, [this](unsigned char byte) { return byte == mark; });
  }
};

class GuardFault : public testing::Test {
 protected:
  // Returns: how many calls were refused.
  std::size_t play(std::size_t refused_from, std::size_t refused_to) {
    System::reset();
    Thread::forget();
    Engine& engine = *new Engine;  // its slots listen for faults as long as the process lives
    engine.policy().guard.store(guard::Sampling{2, 4}.word(), std::memory_order_relaxed);
    for (std::size_t k = refused_from; k < refused_to; ++k) System::fail_at(test::Operation::any, k);
    std::array<Held, 7> held{};
    for (std::size_t i = 0; i < 60; ++i) take_turn(engine, held[i % held.size()], i);
    const std::size_t failures = System::failures;
    System::refuse_nothing_more();
    for (Held& one : held) drop(engine, one);
    EXPECT_NE(fill(engine, held[0], 1000, 9), nullptr) << "what is not refused is served again";
    drop(engine, held[0]);
    EXPECT_EQ(engine.broken_law(), nullptr);
    engine.with_statistics([](const engine::Statistics& now, const auto&) {
      EXPECT_EQ(now.broken_law(), nullptr);
      EXPECT_EQ(now.guarded, 0U);
    });
    return failures;
  }

 private:
  static unsigned char* fill(Engine& engine, Held& one, std::size_t size, unsigned char mark) {
    one = {static_cast<unsigned char*>(engine.allocate(size, 16, Origin::malloc)), size, mark};
    if (one.at != nullptr) std::memset(one.at, mark, size);
    return one.at;
  }
  static void drop(Engine& engine, Held& one) {
    if (one.at == nullptr) return;
    EXPECT_TRUE(one.whole());
    EXPECT_TRUE(engine.deallocate(one.at, Origin::malloc));
    one.at = nullptr;
  }
  static void take_turn(Engine& engine, Held& one, std::size_t i) {
    const std::size_t size = 1 + i * i * i % 50'000;
    if (one.at == nullptr) {
      (void)fill(engine, one, size, static_cast<unsigned char>(i));
    } else if (i % 3 == 0) {
      EXPECT_TRUE(one.whole());
      auto* const moved = static_cast<unsigned char*>(engine.reallocate(one.at, size));
      if (moved != nullptr) one = {moved, std::min(size, one.size), one.mark};
      EXPECT_TRUE(one.whole()) << "where it was, if it could not be moved";
    } else {
      drop(engine, one);
    }
  }
};

TEST_F(GuardFault, AnyOneCallIsRefused) {
  EXPECT_EQ(play(0, 0), 0U);
  std::size_t k = 1;
  while (play(k, k + 1) != 0 && !HasFailure()) ++k;
  EXPECT_GT(k, 20U) << "the script makes as many calls at least";
}

TEST_F(GuardFault, EveryCallFromOneOnIsRefused) {
  std::size_t k = 1;
  while (play(k, k + 200) != 0 && !HasFailure()) ++k;
  EXPECT_GT(k, 20U);
}

}  // namespace
}  // namespace basalt
