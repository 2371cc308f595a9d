// Random sequences against an oracle, for whatever stands behind the doors; and the same while the system refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/allocator.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "hardened/hardened.hpp"
#include "platform/raw_os.hpp"
#include "support/crowded_os.hpp"
#include "support/failing_os.hpp"
#include "support/one_heap_object.hpp"
#include "support/oracle.hpp"
#include "support/page_sized.hpp"
#include "support/seed.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

using test::Dice;
using test::LiveBlock;
using test::Oracle;

constexpr std::size_t most_live = 96 * MiB;  // bytes
constexpr unsigned most_bits = 25;           // of a size

// Plays with one heap, and knows what it must have.
template <Allocator Heap>
class Player {
 public:
  void step(Dice& dice) {
    const std::size_t choice = dice.below(16);
    const bool more = oracle_.count() < 400 && oracle_.bytes() < most_live;
    if (oracle_.count() == 0 || (choice < 7 && more)) return allocate(dice);
    if (choice < 12) return deallocate(dice);
    if (choice < 15) return reallocate(dice);
    if (dice.one_in(16)) (void)heap_->trim();
  }

  void check() {
    const char* const broken = heap_->broken_law();
    Oracle::require(broken == nullptr, broken == nullptr ? "" : broken);
    Oracle::require(heap_->stats().conserved(), "live and free bytes are not what was grown");
    Oracle::require(heap_->stats().live_bytes >= oracle_.bytes(), "fewer bytes live than callers hold");
  }

  // Everything comes home: nothing may be lost on the way.
  void finish() {
    while (oracle_.count() != 0) drop(0);
    (void)heap_->trim();
    check();
    Oracle::require(heap_->stats().live_bytes == 0, "everything was freed, and something lives");
  }

  [[nodiscard]] std::size_t refusals() const { return refusals_; }

 private:
  [[nodiscard]] static std::size_t size(Dice& dice) {
    const std::size_t wish = dice.size(most_bits);
    return dice.one_in(4) ? align_up(wish, 4096) : std::min(wish, 16 * MiB);
  }

  void allocate(Dice& dice) {
    const std::size_t wish = size(dice);
    const std::size_t alignment = dice.one_in(4) ? std::size_t{1} << dice.below(17) : 16;
    auto* const block = static_cast<std::byte*>(heap_->allocate(wish, alignment));
    if (block == nullptr) return void(++refusals_);
    bear({block, wish, std::max<std::size_t>(alignment, 16)});
  }

  void bear(const LiveBlock& block) {
    Oracle::require(heap_->owns(block.begin), "a block that is not its own");
    Oracle::require(heap_->usable_size(block.begin) >= block.size, "a block that is too small");
    oracle_.born(block);
  }

  void deallocate(Dice& dice) { drop(dice.below(oracle_.count())); }

  void drop(std::size_t index) {
    Oracle::require(heap_->deallocate(oracle_.dies(index).begin), "a block that is not taken back");
  }

  void reallocate(Dice& dice) {
    const LiveBlock old = oracle_.dies(dice.below(oracle_.count()));
    LiveBlock now{old.begin, size(dice), 16};
    auto* const moved = static_cast<std::byte*>(heap_->reallocate(old.begin, now.size));
    if (moved == nullptr) {
      ++refusals_;
      return oracle_.reborn(old, old);
    }
    now.begin = moved;
    Oracle::require(heap_->usable_size(moved) >= now.size, "a block that is too small");
    oracle_.reborn(old, now);
  }

  // Never destroyed, since the engine has no end; and never forgotten, which a leak detector would object to.
  [[nodiscard]] static Heap* immortal() {
    static std::vector<Heap*> all;
    return all.emplace_back(new Heap);
  }

  Heap* heap_ = immortal();
  Oracle oracle_;
  std::size_t refusals_ = 0;
};

struct OfModel;
using Engine = test::TestEngine<RawOs, OfModel>;
template <class System>
using HardenedOver = hardened::Hardened<System, test::TestThread<System, OfModel>>;
using Unprotected = hardened::Hardened<RawOs, test::TestThread<RawOs, OfModel>, hardened::NoCanary,
                                       hardened::NoWipe, hardened::NoQuarantine>;
using Object = test::OneHeapObject<RawOs, test::TestThread<RawOs, OfModel>>;

// The engine on machines that are not like this one.
using Pages16 = test::PageSized<RawOs, 16 * KiB>;
using Pages64 = test::PageSized<RawOs, 64 * KiB>;
using Crowded = test::CrowdedOs<RawOs, OfModel>;
template <class System>
using EngineOver = test::TestEngine<System, OfModel>;

void begin_anew() {
  test::TestThread<RawOs, OfModel>::forget();
  test::TestThread<Pages16, OfModel>::forget();
  test::TestThread<Pages64, OfModel>::forget();
  test::TestThread<Crowded, OfModel>::forget();
  Crowded::vacant = 1;
}

template <class Heap>
class HeapModel : public testing::Test {};

// A new kitchen is one line here.
using Heaps = testing::Types<SizePrefixed<UnixAllocator>, Engine, Object, EngineOver<Pages16>,
                             EngineOver<Pages64>, EngineOver<Crowded>, HardenedOver<RawOs>,
                             HardenedOver<Pages64>, HardenedOver<Crowded>, Unprotected>;
TYPED_TEST_SUITE(HeapModel, Heaps);

TYPED_TEST(HeapModel, KeepsItsWordStepByStep) {
  const std::uint64_t seed = test::seed();
  begin_anew();
  Dice dice{seed};
  Player<TypeParam> player;
  std::size_t step = 0;
  try {
    for (; step < 3'000 * test::scale(); ++step) {
      player.step(dice);
      if (step % 8 == 0) player.check();
    }
    player.finish();
    test::figure(step, "operations against an oracle");
  } catch (const std::exception& broken) {
    FAIL() << broken.what() << " after step " << step << " of the run with seed " << seed;
  }
}

using Refusing = test::FailingOs<RawOs, struct OfRefusals>;
using RefusedThread = test::TestThread<Refusing, struct OfRefusedModel>;
using RefusedEngine = engine::Engine<Refusing, RefusedThread>;
using RefusedObject = test::OneHeapObject<Refusing, RefusedThread>;

// Effects: plays while the calls that `appoint` names fail.  Returns: how many did.
template <class Heap, class Appoint>
std::size_t play_refused(std::uint64_t seed, Appoint appoint) {
  Refusing::reset();
  RefusedThread::forget();
  appoint();
  Dice dice{seed};
  Player<Heap> player;
  for (std::size_t step = 0; step < 60; ++step) player.step(dice);
  player.check();
  Refusing::refuse_nothing_more();
  player.finish();
  return Refusing::failures;
}

template <class Heap>
class HeapUnderRefusals : public testing::Test {};

using RefusedHardened = hardened::Hardened<Refusing, RefusedThread>;
using RefusedHeaps = testing::Types<RefusedEngine, RefusedObject, RefusedHardened>;
TYPED_TEST_SUITE(HeapUnderRefusals, RefusedHeaps);

// NULL or success, and whatever lives is whole; when the system is kind again, nothing has been lost.
TYPED_TEST(HeapUnderRefusals, AnsweredWithNullOrSuccess) {
  const std::uint64_t seed = test::seed();
  std::size_t failures = 0;
  for (const std::size_t period : {std::size_t{5'000}, std::size_t{7}, std::size_t{2}, std::size_t{1}}) {
    for (std::size_t k = 1; k <= 25; ++k) {
      try {
        failures += play_refused<TypeParam>(seed + k, [k, period] {
          for (std::size_t call = k; call < 2'000; call += period)
            Refusing::fail_at(test::Operation::any, call);
        });
      } catch (const std::exception& broken) {
        FAIL() << broken.what() << " when call " << k << " and every " << period
               << "th after it failed, seed " << seed;
      }
    }
  }
  EXPECT_GT(failures, 300U);
}

// The program is the same for all pairs: whichever two of its calls are refused. (Here some; under script/soak all.)
TYPED_TEST(HeapUnderRefusals, AnyTwoCallsAreRefused) {
  const std::uint64_t seed = test::seed();
  (void)play_refused<TypeParam>(seed, [] {});
  const std::size_t calls = Refusing::calls;
  const std::size_t stride = test::scale() > 1 ? 1 : 1 + calls * calls / 2 / 100;
  std::size_t pairs = 0;
  for (std::size_t pair = 0; pair < calls * calls; pair += stride) {
    const std::size_t k = 1 + pair / calls;
    const std::size_t j = 1 + pair % calls;
    if (j <= k) continue;
    SCOPED_TRACE(testing::Message() << "calls " << k << " and " << j << ", seed " << seed);
    try {
      (void)play_refused<TypeParam>(seed, [k, j] {
        Refusing::fail_at(test::Operation::any, k);
        Refusing::fail_at(test::Operation::any, j);
      });
    } catch (const std::exception& broken) {
      FAIL() << broken.what();
    }
    pairs += 1;
  }
  test::figure(pairs, "pairs of refused calls");
  EXPECT_GT(pairs, 20U);
}

}  // namespace
}  // namespace basalt
