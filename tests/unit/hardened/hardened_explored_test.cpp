// Records and quarantine of the hardened library, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include "base/spin_lock.hpp"
#include "hardened/quarantine.hpp"
#include "hardened/records.hpp"
#include "support/explored.hpp"

namespace basalt::hardened {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};

// A block, its record, and the heap that it comes from and goes to.
struct Block {
  RecordPlace<ModelAtomics> record;
  Plain<int> contents{0};
  SpinLock<ModelWaiting, ModelAtomics> lock;
  unsigned in_heap = 1;  // under the lock

  bool allocate() {
    if (Holding hold{lock}; in_heap == 0) return false;
    --in_heap;
    record.begin({Origin::malloc, 1});
    contents.set(contents.get() + 1);
    return true;
  }

  // Returns: whether it lived; if not, the free is the second one.
  bool free() {
    if (!record.end().live()) return false;
    contents.set(contents.get() + 1);
    Holding hold{lock};
    ++in_heap;
    return true;
  }
};

void two_frees(Execution& run) {
  Block& block = run.make<Block>();
  require(block.allocate(), "there is a block");
  bool first = false, second = false;
  run.threads([&] { first = block.free(); }, [&] { second = block.free(); });
  require(first != second && block.in_heap == 1, "exactly one of two frees is the double free");
}

void three_frees(Execution& run) {
  Block& block = run.make<Block>();
  require(block.allocate(), "there is a block");
  unsigned frees = 0;
  const auto free = [&] { frees += block.free() ? 1 : 0; };
  run.threads(free, free, free);
  require(frees == 1 && block.in_heap == 1, "exactly one of three frees is the first");
}

void handed_on(Execution& run) {
  Block& block = run.make<Block>();
  require(block.allocate(), "there is a block");
  run.threads([&] { require(block.free(), "a free was taken for the second one"); },
              [&] {
                if (block.allocate()) require(block.free(), "a free was taken for the second one");
              });
  require(block.in_heap == 1, "a block was lost");
}

void looked_at_while_freed(Execution& run) {
  Block& block = run.make<Block>();
  require(block.allocate(), "there is a block");
  run.threads([&] { require(block.free(), "a free was taken for the second one"); },
              [&] {
                const Record seen = block.record.look();
                require(!seen.live() || seen.slack() == 1, "a record that nobody wrote");
              });
}

constexpr Scenario of_records[] = {
    {"two_frees", two_frees},
    {"three_frees", three_frees},
    {"handed_on", handed_on},
    {"looked_at_while_freed", looked_at_while_freed},
};

TEST(RecordsExplored, OneFreeFindsABlockLive) {
  test::expect_explored({"records of the hardened library", {"src/hardened/records.hpp"}, of_records});
}

// A quarantine with one place in each ward, so that all meet there.
struct Hospital {
  using OnePlace = Wards<ModelAtomics, 1, 0>;
  OnePlace quarantine;
  struct Freed {
    Plain<int> contents{0};
    unsigned gone = 0;
  } blocks[3];
  unsigned emptied = 0;  // how often the ward of the heap was
  struct Heap {
    OnePlace::Ward ward;
    SpinLock<ModelWaiting, ModelAtomics> lock;  // as that of the pool
    bool parked = false;                        // under the lock
    std::byte* annex() { return reinterpret_cast<std::byte*>(&ward); }
  } heap;

  void* wiped(Freed& block) {
    block.contents.set(1);
    return &block;
  }
  void free_without_heap(Freed& block) { let_go(quarantine.admit_to_shared(wiped(block), 16, 1)); }
  void empty_shared() {
    quarantine.empty_shared([this](void* block) { let_go(block); });
  }

  // As the thread that has the heap.
  void free(Freed& block) {
    if (OnePlace::has_to_go(heap)) empty();
    let_go(OnePlace::admit(heap, wiped(block), 16, 1));
  }
  void empty() {
    ++emptied;
    OnePlace::empty(heap, [this](void* block) { let_go(block); });
  }
  void park() {
    Holding hold{heap.lock};
    heap.parked = true;
  }
  // As Hardened::empty_ward_of.
  void purge() {
    Holding hold{heap.lock};
    if (heap.parked) return empty();
    OnePlace::ask_to_empty(heap);
  }

  void let_go(void* p) {
    if (p == nullptr) return;
    Freed& block = *static_cast<Freed*>(p);
    require(block.contents.get() == 1, "a block went before it came");
    block.contents.set(2);
    ++block.gone;
  }
  void check(std::size_t freed) {
    empty_shared();
    empty();
    for (std::size_t i = 0; i != freed; ++i) require(blocks[i].gone == 1, "a block went twice, or never");
  }
};

void three_are_freed_without_a_heap(Execution& run) {
  Hospital& all = run.make<Hospital>();
  run.threads([&] { all.free_without_heap(all.blocks[0]); }, [&] { all.free_without_heap(all.blocks[1]); },
              [&] { all.free_without_heap(all.blocks[2]); });
  all.check(3);
}

void emptied_while_some_are_freed(Execution& run) {
  Hospital& all = run.make<Hospital>();
  all.free_without_heap(all.blocks[2]);
  run.threads([&] { all.free_without_heap(all.blocks[0]); }, [&] { all.free_without_heap(all.blocks[1]); },
              [&] { all.empty_shared(); });
  all.check(3);
}

// Who asks is heard at the next free, or finds the ward of a thread that has ended.
void purged_while_the_owner_frees_and_ends(Execution& run) {
  Hospital& all = run.make<Hospital>();
  all.free(all.blocks[0]);
  run.threads(
      [&] {
        all.free(all.blocks[1]);
        all.park();
      },
      [&] { all.purge(); });
  require(all.emptied != 0 || Hospital::OnePlace::has_to_go(all.heap), "nobody has heard who asked");
  all.check(2);
}

// What a child finds in its parent's ward, it looks at: so it has to be as the parent left it.
void forked_while_one_is_freed(Execution& run) {
  Hospital& all = run.make<Hospital>();
  run.threads([&] { all.free(all.blocks[0]); },
              [&] {
                void* const found = all.heap.ward.blocks[0].load(std::memory_order_acquire);
                if (found == nullptr) return;
                require(static_cast<Hospital::Freed*>(found)->contents.get() == 1,
                        "a block that is not wiped");
              });
  all.check(1);
}

constexpr Scenario of_quarantine[] = {
    {"three_are_freed_without_a_heap", three_are_freed_without_a_heap},
    {"emptied_while_some_are_freed", emptied_while_some_are_freed},
    {"purged_while_the_owner_frees_and_ends", purged_while_the_owner_frees_and_ends},
    {"forked_while_one_is_freed", forked_while_one_is_freed},
};

TEST(QuarantineExplored, EveryBlockGoesOnce) {
  test::expect_explored(
      {"quarantine of the hardened library", {"src/hardened/quarantine.hpp"}, of_quarantine});
}

}  // namespace
}  // namespace basalt::hardened
