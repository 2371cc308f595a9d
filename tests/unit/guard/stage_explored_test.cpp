// The life of a guarded slot, under every schedule and every value that a load may return.
//
// What is told of the block is `Plain`: whoever reads it without having seen the step before is a data race.

#include <gtest/gtest.h>

#include "base/spin_lock.hpp"
#include "guard/slot.hpp"
#include "support/explored.hpp"

namespace basalt::guard {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};

// One slot; its steps are those of GuardedSlots.
struct ModelSlot {
  Stage<ModelAtomics> state;
  Plain<int> block{0};  // written before it lives
  Plain<int> freed{0};  // by whom, once it does not any more
  SpinLock<ModelWaiting, ModelAtomics> lock;
  bool queued = true;  // under the lock

  bool allocate() {
    if (Holding hold{lock}; !queued) return false;
    queued = false;
    state.become(State::vacant);
    block.set(block.get() + 1);
    Holding hold{lock};
    state.become(State::live);
    return true;
  }

  // Returns: whether the block was live, and is not any more.
  bool free() {
    if (state.now() != State::live || !state.leave()) return false;
    require(block.get() != 0, "a block is live that was not made");
    freed.set(1);
    Holding hold{lock};
    state.become(State::freed);
    queued = true;
    return true;
  }

  // As a report of a double free does.
  void tell_who_freed() {
    while (state.now() == State::leaving) ModelAtomics::pause();
    if (state.now() == State::freed) require(freed.get() == 1, "nobody has freed it");
  }
};

ModelSlot& live_slot(Execution& run) {
  ModelSlot& slot = run.make<ModelSlot>();
  require(slot.allocate(), "there is a slot");
  return slot;
}

void two_frees(Execution& run) {
  ModelSlot& slot = live_slot(run);
  unsigned frees = 0;
  const auto free = [&] { slot.free() ? void(++frees) : slot.tell_who_freed(); };
  run.threads(free, free);
  require(frees == 1, "exactly one of two frees is the double free");
}

void found_while_it_is_made(Execution& run) {
  ModelSlot& slot = run.make<ModelSlot>();
  run.threads([&] { require(slot.allocate(), "there is a slot"); },
              [&] {
                if (slot.state.now() == State::live) require(slot.block.get() != 0, "live, and not made");
              });
}

// Somebody frees a block that is not his any more, and finds the next one in its place.
void a_free_that_comes_late(Execution& run) {
  ModelSlot& slot = live_slot(run);
  unsigned frees = 0;
  run.threads(
      [&] {
        if (!slot.free()) return;
        ++frees;
        (void)slot.allocate();
      },
      [&] { frees += slot.free() ? 1 : 0; });
  require(frees == 1 || slot.state.now() == State::freed, "a block was freed twice");
}

void freed_by_three(Execution& run) {
  ModelSlot& slot = live_slot(run);
  unsigned frees = 0;
  const auto free = [&] { slot.free() ? void(++frees) : slot.tell_who_freed(); };
  run.threads(free, free, free);
  require(frees == 1, "exactly one of three frees is the first");
}

constexpr Scenario scenarios[] = {
    {"two_frees", two_frees},
    {"freed_by_three", freed_by_three},
    {"found_while_it_is_made", found_while_it_is_made},
    {"a_free_that_comes_late", a_free_that_comes_late},
};

TEST(GuardedSlotExplored, OneFreeEndsABlock) {
  test::expect_explored({"the life of a guarded slot", {"src/guard/slot.hpp"}, scenarios});
}

}  // namespace
}  // namespace basalt::guard
