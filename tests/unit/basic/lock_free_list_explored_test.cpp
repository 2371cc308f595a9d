// The lock-free list under every schedule and every value that the memory model lets a load return.
//
// The heap is eight imagined units of 16 bytes; whoever has a unit in hand writes to its `Plain` twin, so that memory
// handed to two threads, or handed on without an order between them, is a data race that the explorer reports.

#include <gtest/gtest.h>

#include <initializer_list>

#include "basic/lock_free_list.hpp"
#include "support/explored.hpp"

namespace basalt {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

using List = LockFreeList<ModelAtomics>;
using Node = List::Node;

constexpr std::size_t unit = 16;
constexpr std::size_t units = 8;

// Nodes that are never used again: reclamation has tests of its own.
class Visit {
 public:
  static constexpr std::memory_order walk_order = std::memory_order_acquire;
  static constexpr std::memory_order unlink_order = std::memory_order_release;

  explicit Visit(Execution& run) {
    for (Node*& node : nodes_) node = &run.make<Node>();
  }
  Node* take() { return used_ == std::size(nodes_) ? nullptr : nodes_[used_++]; }
  void keep(Node*) { --used_; }
  void retire(Node*) { ++retired; }

  std::size_t retired = 0;

 private:
  Node* nodes_[3];
  std::size_t used_ = 0;
};

struct Piece {
  std::size_t at, length;  // units
};

struct Heap {
  explicit Heap(Execution& run) : first(run), second(run), third(run), body(run) {}

  static std::byte* place(std::size_t index) { return reinterpret_cast<std::byte*>(0x10000 + index * unit); }

  void use(Range range) {
    const std::size_t begin = static_cast<std::size_t>(range.begin - place(0)) / unit;
    require(begin < units && range.size <= (units - begin) * unit, "a range that no heap has");
    for (std::size_t i = begin; i < begin + range.size / unit; ++i) contents[i].set(1);
  }

  List::Outcome free(Piece piece, Visit& visit) {
    const Range range{place(piece.at), piece.length * unit};
    use(range);
    const List::Added added = list.add(range, visit);
    require(added.outcome != List::Outcome::no_node, "the test has too few nodes");
    if (added.outcome == List::Outcome::listed) freed += range.size;
    return added.outcome;
  }

  // Returns: what was taken, as a piece; length 0 if nothing fits.
  Piece take(std::size_t length, Visit& visit) {
    const List::Taken cut = list.take({length * unit, granule}, visit);
    if (cut.block.empty()) return {0, 0};
    require(cut.surplus.empty() && cut.block.size == length * unit, "the cut is not as it was asked for");
    use(cut.block);
    taken += cut.block.size;
    return {static_cast<std::size_t>(cut.block.begin - place(0)) / unit, length};
  }

  // Requires: the threads have ended.
  void check() {
    const Stats stats = list.stats(body);
    require(stats.validity.overlaps == 0 && stats.validity.out_of_order == 0,
            "free blocks overlap or lie out of order");
    require(stats.validity.adjacents == 0, "two neighbours are not merged");
    require(stats.size == freed - taken, "memory was lost or made");
    list.look_through(body, [this](Range range) { return use(range), false; });
  }

  List list;
  Plain<int> contents[units];
  Visit first, second, third, body;
  std::size_t freed = 0;  // bytes; counted between the model's steps, so it needs no atomics
  std::size_t taken = 0;
};

Heap& heap_of(Execution& run, std::initializer_list<Piece> pieces) {
  Heap& heap = run.make<Heap>(run);
  for (const Piece piece : pieces) heap.free(piece, heap.body);
  return heap;
}

void split_and_split(Execution& run) {
  Heap& heap = heap_of(run, {{0, 2}});
  run.threads([&] { heap.take(1, heap.first); }, [&] { heap.take(1, heap.second); });
  require(heap.taken == 2 * unit, "both units were there to be taken");
  heap.check();
}

void split_and_insert(Execution& run) {
  Heap& heap = heap_of(run, {{0, 2}});
  run.threads([&] { heap.take(1, heap.first); }, [&] { heap.free({4, 1}, heap.second); });
  heap.check();
}

void insert_neighbours(Execution& run) {
  Heap& heap = heap_of(run, {});
  run.threads([&] { heap.free({1, 1}, heap.first); }, [&] { heap.free({2, 1}, heap.second); });
  heap.check();
}

void lengthen_and_insert(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}});
  run.threads([&] { heap.free({1, 1}, heap.first); }, [&] { heap.free({2, 1}, heap.second); });
  heap.check();
}

void close_the_gap(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {3, 1}});
  run.threads([&] { heap.free({1, 1}, heap.first); }, [&] { heap.free({2, 1}, heap.second); });
  heap.check();
}

void merge_and_split(Execution& run) {
  Heap& heap = heap_of(run, {{0, 2}});
  run.threads([&] { heap.take(1, heap.first); }, [&] { heap.free({2, 1}, heap.second); });
  heap.check();
}

void merge_downwards_and_split(Execution& run) {
  Heap& heap = heap_of(run, {{2, 2}});
  run.threads([&] { heap.free({1, 1}, heap.first); }, [&] { heap.take(1, heap.second); });
  heap.check();
}

void unlink_and_traverse(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {2, 2}});
  run.threads([&] { heap.take(2, heap.first); }, [&] { heap.free({5, 1}, heap.second); });
  heap.check();
}

void unlink_neighbours(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {2, 1}});
  run.threads([&] { heap.take(1, heap.first); }, [&] { heap.take(1, heap.second); });
  require(heap.taken == 2 * unit, "both units were there to be taken");
  heap.check();
}

// The block before a new node dies, and one further up grows into its place.
void lengthen_over_the_dead(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {2, 2}});
  run.threads(
      [&] {
        const Piece piece = heap.take(2, heap.first);
        heap.free({1, 1}, heap.first);
        heap.free(piece, heap.first);
      },
      [&] {
        heap.free({4, 1}, heap.second);
      });
  heap.check();
}

void take_and_free_again(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}});
  const auto borrow = [&](Visit& visit) {
    const Piece piece = heap.take(1, visit);
    if (piece.length != 0) heap.free(piece, visit);
  };
  run.threads([&] { borrow(heap.first); }, [&] { borrow(heap.second); });
  heap.check();
}

void three_neighbours(Execution& run) {
  Heap& heap = heap_of(run, {});
  run.threads(
      [&] {
        heap.free({1, 1}, heap.first);
      },
      [&] {
        heap.free({2, 1}, heap.second);
      },
      [&] {
        heap.free({3, 1}, heap.third);
      });
  heap.check();
}

// A node is linked behind a dying one, and the next to pass has it from whoever unlinks the dead one.
void inherit_a_successor(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {2, 2}});
  run.threads(
      [&] {
        heap.take(2, heap.first);
        heap.free({6, 1}, heap.first);
      },
      [&] {
        heap.free({5, 1}, heap.second);
      });
  heap.check();
}

void inherit_a_successor_from_another(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {2, 2}});
  run.threads([&] { heap.take(2, heap.first); },
              [&] {
                heap.free({5, 1}, heap.second);
              },
              [&] {
                heap.free({7, 1}, heap.third);
              });
  heap.check();
}

void look_past_the_dead(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}, {3, 2}});
  run.threads(
      [&] {
        require(heap.free({1, 1}, heap.first) == List::Outcome::listed, "false alarm");
      },
      [&] { heap.take(2, heap.second); },
      [&] {
        heap.free({6, 1}, heap.third);
      });
  heap.check();
}

void take_what_another_lengthened(Execution& run) {
  Heap& heap = heap_of(run, {{3, 1}});
  run.threads(
      [&] {
        heap.free({2, 1}, heap.first);
        heap.take(3, heap.first);
      },
      [&] {
        heap.free({4, 1}, heap.second);
      });
  heap.check();
}

// What looks like a block freed twice, because two words were read at different times, is not reported as one.
void no_false_alarm_behind(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}});
  run.threads(
      [&] {
        require(heap.free({1, 2}, heap.first) == List::Outcome::listed, "false alarm");
      },
      [&] {
        const Piece piece = heap.take(2, heap.second);
        if (piece.at != 1 || piece.length == 0) return;
        heap.free({2, 1}, heap.second);
        heap.free({1, 1}, heap.second);
      });
  require(heap.taken == 0 || heap.freed - heap.taken == 3 * unit,
          "the second thread gives back what it takes");
  heap.check();
}

void no_false_alarm_before(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}});
  run.threads(
      [&] {
        require(heap.free({2, 2}, heap.first) == List::Outcome::listed, "false alarm");
      },
      [&] {
        const Piece piece = heap.take(2, heap.second);
        heap.free({1, 1}, heap.second);
        if (piece.length != 0) heap.free(piece, heap.second);
      });
  heap.check();
}

// Of two frees of one block at the same time, one at least must notice. (Both write to the memory: no `use` here.)
void double_free(Execution& run, std::initializer_list<Piece> before, Piece piece) {
  Heap& heap = heap_of(run, before);
  std::size_t noticed = 0;
  const auto free = [&](Visit& visit) {
    const Range range{Heap::place(piece.at), piece.length * unit};
    if (heap.list.add(range, visit).outcome == List::Outcome::overlaps) ++noticed;
  };
  run.threads([&] { free(heap.first); }, [&] { free(heap.second); });
  require(noticed != 0, "nobody noticed that a block was freed twice");
}

void double_free_inserted(Execution& run) { double_free(run, {}, {1, 1}); }
void double_free_lengthened(Execution& run) { double_free(run, {{0, 1}}, {1, 1}); }
void double_free_of_different_sizes(Execution& run) {
  Heap& heap = heap_of(run, {{0, 1}});
  std::size_t noticed = 0;
  const auto free = [&](Piece piece, Visit& visit) {
    const Range range{Heap::place(piece.at), piece.length * unit};
    if (heap.list.add(range, visit).outcome == List::Outcome::overlaps) ++noticed;
  };
  run.threads([&] { free({1, 2}, heap.first); }, [&] { free({2, 1}, heap.second); });
  require(noticed != 0, "nobody noticed that a part of a block was freed twice");
}

constexpr Scenario scenarios[] = {
    {"split_and_split", split_and_split},
    {"split_and_insert", split_and_insert},
    {"insert_neighbours", insert_neighbours},
    {"lengthen_and_insert", lengthen_and_insert},
    {"close_the_gap", close_the_gap},
    {"merge_and_split", merge_and_split},
    {"merge_downwards_and_split", merge_downwards_and_split},
    {"unlink_and_traverse", unlink_and_traverse},
    {"unlink_neighbours", unlink_neighbours},
    {"take_and_free_again", take_and_free_again},
    {"lengthen_over_the_dead", lengthen_over_the_dead},
    {"three_neighbours", three_neighbours},
    {"inherit_a_successor", inherit_a_successor},
    {"inherit_a_successor_from_another", inherit_a_successor_from_another},
    {"look_past_the_dead", look_past_the_dead},
    {"take_what_another_lengthened", take_what_another_lengthened},
    {"no_false_alarm_behind", no_false_alarm_behind},
    {"no_false_alarm_before", no_false_alarm_before},
    {"double_free_inserted", double_free_inserted},
    {"double_free_lengthened", double_free_lengthened},
    {"double_free_of_different_sizes", double_free_of_different_sizes},
};

TEST(LockFreeListExplored, HoldsInEveryExecution) {
  test::expect_explored({"the list without a lock",
                         {"src/basic/lock_free_list.hpp", "src/basic/lock_free_node.hpp"},
                         scenarios});
}

}  // namespace
}  // namespace basalt
