// Frees and moves of one huge block that meet, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include "base/spin_lock.hpp"
#include "engine/page_map.hpp"
#include "support/explored.hpp"

namespace basalt::engine {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};

constexpr MapEntry huge = entry_for(Kind::huge);

// Room for one block, with its map entry: its steps are those of LargeBlocks.
struct Room {
  ModelAtomics::Atomic<MapEntry> entry{huge};
  SpinLock<ModelWaiting, ModelAtomics> lock;
  Plain<int> told{0};      // what the space knows of it, under the lock
  Plain<int> contents{0};  // whose the block is

  // Returns: whether it was a block; if not, a free of it is the second one.
  bool free() {
    if (entry.load(std::memory_order_relaxed) != huge) return false;
    if (!take_entry(entry, huge)) return false;
    Holding hold{lock};
    told.set(told.get() - 1);
    return true;
  }
  bool move() {
    if (!take_entry(entry, huge)) return false;
    Holding hold{lock};
    told.set(told.get() + 0);
    entry.store(huge, std::memory_order_relaxed);
    return true;
  }
  bool allocate() {
    Holding hold{lock};
    if (told.get() != -1) return false;
    told.set(0);
    entry.store(huge, std::memory_order_relaxed);
    return true;
  }
};

void two_frees(Execution& run) {
  Room& room = run.make<Room>();
  bool first = false, second = false;
  run.threads([&] { first = room.free(); }, [&] { second = room.free(); });
  require(first != second, "exactly one of two frees is the double free");
  require(room.told.get() == -1, "the memory went back once");
}

void free_and_move(Execution& run) {
  Room& room = run.make<Room>();
  bool freed = false, moved = false;
  run.threads([&] { freed = room.free(); }, [&] { moved = room.move(); });
  require(freed || moved, "one of the two came first");
  require(room.told.get() == (freed ? -1 : 0), "the memory went back once, if it went");
  require((room.entry.load(std::memory_order_relaxed) == huge) != freed, "the entry tells whether it lives");
}

void three_frees(Execution& run) {
  Room& room = run.make<Room>();
  unsigned freed = 0;
  const auto free = [&] { freed += room.free() ? 1 : 0; };
  run.threads(free, free, free);
  require(freed == 1 && room.told.get() == -1, "the memory went back once");
}

// Whoever has the memory next sees what was done to it before.
void handed_on(Execution& run) {
  Room& room = run.make<Room>();
  run.threads(
      [&] {
        room.contents.set(1);
        require(room.free(), "a block was lost");
      },
      [&] {
        if (!room.allocate()) return;
        room.contents.set(2);
        require(room.free(), "a block was lost");
      });
}

constexpr Scenario scenarios[] = {
    {"two_frees", two_frees},
    {"free_and_move", free_and_move},
    {"three_frees", three_frees},
    {"handed_on", handed_on},
};

TEST(HugeBlocksExplored, OneOfManyFreesIsTheFirst) {
  test::expect_explored({"the map entry of a huge block", {"src/engine/page_map.hpp"}, scenarios});
}

}  // namespace
}  // namespace basalt::engine
