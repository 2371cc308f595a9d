// Reclamation of nodes under every schedule and every value that the memory model lets a load return.

#include <gtest/gtest.h>

#include <cstddef>

#include "basic/lock_free_nodes.hpp"
#include "basic/lock_free_regions.hpp"
#include "support/explored.hpp"

namespace basalt {
namespace {

using explorer::Argued;
using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};

using Pool = NodePool<ModelAtomics, 3, ModelWaiting>;
using Node = Pool::Node;
using Visit = Pool::Visit;

// A pool with room for so many nodes, and a link that everybody can follow.
struct Shelf {
  Shelf(Execution& run, std::size_t nodes) {
    struct alignas(Node) Room {
      std::byte bytes[sizeof(Node)];
    };
    for (std::size_t i = 0; i < nodes; ++i) {
      Room& room = run.make<Room>();
      require(pool.add_pages({room.bytes, sizeof room}) == 1, "a node's room holds a node");
    }
  }

  // Effects: reads a shared node twice, as a walk along the list does.
  void look(std::size_t seat) {
    Visit visit{pool, seat};
    const Node* const node = link.load(Visit::walk_order);
    if (node != nullptr)
      require(node->size.load(std::memory_order_relaxed) == 1, "a node was used again under our eyes");
  }

  // Effects: takes the shared node out of reach and retires it.
  void unlink(std::size_t seat) {
    Visit visit{pool, seat};
    Node* node = link.load(std::memory_order_relaxed);
    if (node != nullptr &&
        link.compare_exchange_strong(node, nullptr, Visit::unlink_order, std::memory_order_relaxed)) {
      visit.retire(node);
    }
  }

  // Effects: tries to get a node; if there is one, uses it for something else.
  bool reuse(std::size_t seat) {
    Visit visit{pool, seat};
    Node* const node = visit.take();
    if (node == nullptr) return false;
    node->size.store(2, std::memory_order_relaxed);
    return true;
  }

  void share_one() {
    Visit visit{pool, 0};
    Node* const node = visit.take();
    node->size.store(1, std::memory_order_relaxed);
    link.store(node, std::memory_order_relaxed);
  }

  Pool pool;
  ModelAtomics::Atomic<Node*> link{nullptr};
};

void look_while_unlinked_and_used_again(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  shelf.share_one();
  bool reused = false;
  run.threads([&] { shelf.look(0); },
              [&] {
                shelf.unlink(1);
                reused = shelf.reuse(1) || shelf.reuse(1) || shelf.reuse(1);
              });
  // Once the looker has gone, nothing holds the node back: reuse is not avoided by never reusing.
  require(reused || shelf.reuse(0) || shelf.reuse(0) || shelf.reuse(0), "a node was never used again");
}

// One that is slow to sit down writes an epoch that is past, and is protected all the same.
void look_late(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  shelf.share_one();
  run.threads([&] { shelf.look(0); },
              [&] {
                (void)shelf.reuse(1);
                (void)shelf.reuse(1);
                shelf.unlink(1);
                (void)shelf.reuse(1);
                (void)shelf.reuse(1);
              });
}

// The epoch is moved on by one who knows nothing of the unlinking.
void look_while_a_third_moves_on(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  shelf.share_one();
  run.threads([&] { shelf.look(0); },
              [&] {
                shelf.unlink(1);
                (void)shelf.reuse(1);
              },
              [&] { (void)shelf.reuse(2); });
}

// Taking a node from the pile while it goes and comes back: the pile would lose its order, and a node get two owners.
void take_while_taken_and_laid_back(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 3U);
  Node* taken[6] = {};
  run.threads(
      [&] {
        Visit visit{shelf.pool, 0};
        taken[0] = visit.take();
      },
      [&] {
        {
          Visit visit{shelf.pool, 1};
          Node* const first = visit.take();
          taken[1] = visit.take();
          Node* const third = visit.take();
          if (first != nullptr) visit.retire(first);
          if (third != nullptr) visit.retire(third);
        }
        for (std::size_t i = 2; i < 5; ++i) {
          Visit visit{shelf.pool, 1};
          taken[i] = visit.take();
        }
      });
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      require(taken[i] == nullptr || taken[i] != taken[j], "a node was given twice");
  }
}

// What one did to a node before it was retired is seen by who uses it next.
void hand_on(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  auto& contents = run.make<Plain<int>>();
  const auto use = [&](std::size_t seat) {
    Visit visit{shelf.pool, seat};
    Node* const node = visit.take();
    if (node == nullptr) return;
    contents.set(1);
    visit.retire(node);
  };
  run.threads([&] { use(0); },
              [&] {
                use(1);
                use(1);
                use(1);
              });
}

void hand_on_through_a_third(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  auto& contents = run.make<Plain<int>>();
  const auto use = [&](std::size_t seat) {
    Visit visit{shelf.pool, seat};
    Node* const node = visit.take();
    if (node == nullptr) return;
    contents.set(1);
    visit.retire(node);
  };
  run.threads([&] { use(0); }, [&] { use(1); }, [&] { use(2); });
}

void take_while_pages_are_added(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  struct alignas(Node) Room {
    std::byte bytes[2 * sizeof(Node)];
  };
  Room& room = run.make<Room>();
  std::size_t taken = 0;
  run.threads([&] { taken += shelf.reuse(0) ? 1 : 0; },
              [&] {
                taken += shelf.reuse(1) ? 1 : 0;
                shelf.pool.add_pages({room.bytes, sizeof room});
              });
  for (int i = 0; i < 3; ++i) taken += shelf.reuse(0) ? 1 : 0;
  require(taken == 3, "a node was lost");
}

// Two retire into one pile.
void retire_and_retire(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 2U);
  const auto borrow = [&](std::size_t seat) {
    Visit visit{shelf.pool, seat};
    Node* const node = visit.take();
    require(node != nullptr, "there are two nodes for two");
    visit.retire(node);
  };
  run.threads([&] { borrow(0); }, [&] { borrow(1); });
  std::size_t found = 0;
  for (int i = 0; i < 4; ++i) found += shelf.reuse(0) ? 1 : 0;
  require(found == 2, "a node was lost");
}

// One who closes finds nobody inside, and lets nobody in.
void close_and_enter(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  auto& contents = run.make<Plain<int>>();
  run.threads(
      [&] {
        Pool::Alone alone{shelf.pool};
        contents.set(1);
      },
      [&] {
        Visit visit{shelf.pool, 1};
        contents.set(2);
      });
}

void close_and_close(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 1U);
  auto& contents = run.make<Plain<int>>();
  const auto alone = [&] {
    Pool::Alone here{shelf.pool};
    contents.set(contents.get() + 1);
  };
  run.threads(alone, alone);
  require(contents.get() == 2, "two were alone at the same time");
}

// Two regions become one, and the node of the first is used for something else.
void look_up_while_regions_join(Execution& run) {
  Shelf& shelf = run.make<Shelf>(run, 2U);
  auto& regions = run.make<LockFreeRegions<ModelAtomics>>();
  auto* const place = reinterpret_cast<std::byte*>(0x10000);
  const auto add = [&](std::size_t seat, std::byte* begin) {
    Visit visit{shelf.pool, seat};
    regions.add({begin, 64}, visit.take(), visit);
  };
  add(0, place);
  run.threads(
      [&] {
        Visit visit{shelf.pool, 0};
        require(regions.contains({place + 16, 16}), "a range of the heap was taken for a stranger's");
      },
      [&] {
        add(1, place + 64);
        for (int i = 0; i < 3; ++i) (void)shelf.reuse(1);
      });
  Visit visit{shelf.pool, 0};
  require(regions.contains({place, 128}), "a region was lost");
}

constexpr Scenario scenarios[] = {
    {"look_while_unlinked_and_used_again", look_while_unlinked_and_used_again},
    {"look_late", look_late},
    {"look_while_a_third_moves_on", look_while_a_third_moves_on},
    {"take_while_taken_and_laid_back", take_while_taken_and_laid_back},
    {"hand_on", hand_on},
    {"hand_on_through_a_third", hand_on_through_a_third},
    {"take_while_pages_are_added", take_while_pages_are_added},
    {"retire_and_retire", retire_and_retire},
    {"close_and_enter", close_and_enter},
    {"close_and_close", close_and_close},
    {"look_up_while_regions_join", look_up_while_regions_join},
};

// The one order that the explorer cannot show to be needed within these bounds. `take` must not read the top of the
// pile as it was before another thread's `take`, when the epoch has since been moved on by a third that knows of neither;
// by the rules of C++20 that rests on both being in the one order of all sequentially consistent operations. An execution
// that shows it has three threads, three nodes and six visits.
constexpr Argued argued[] = {{"lock_free_nodes.hpp", "compare_exchange_strong seq_cst -> acq_rel"}};

TEST(NodePoolExplored, HoldsInEveryExecution) {
  test::expect_explored(
      {"nodes that are used again",
       {"src/basic/lock_free_nodes.hpp", "src/basic/lock_free_seats.hpp", "src/basic/lock_free_regions.hpp",
        "tests/unit/basic/lock_free_nodes_explored_test.cpp"},
       scenarios,
       argued,
       5'000});
}

}  // namespace
}  // namespace basalt
