// The list of free blocks for many threads at once: no lock, sorted by address, neighbours merged.
#pragma once

#include <atomic>
#include <cstddef>

#include "fit.hpp"
#include "free_block.hpp"
#include "lock_free_node.hpp"
#include "validity.hpp"

namespace basalt {

// The protocol. One word decides everything about a block: the `size` in its node.
//
//   split     size: s -> s - n by one compare-exchange; the last n bytes are ours        (the tail of the block)
//   take      size: s -> 0 by one compare-exchange; the whole block is ours, the node is dead
//   unlink    mark the dead node's link, then swing its predecessor's link past it; anybody who passes does it
//   insert    swing a link from the successor to a new node
//   merge     there is no such step: whoever has a range in its hands takes the free block behind it whole, and adds
//             the union to the block before it by size: s -> s + n. Between these steps the memory belongs to that
//             thread, as it would after an allocation, so nobody ever waits for it and nobody has to help.
//
// Laws, at every moment: the blocks of live nodes are disjoint, and no byte that a caller holds is in one of them. So
// order needs no care: a block can only grow into memory that its thread owned, and that lay before the next node.
// And when no thread is inside: no two live blocks touch. For that, whoever has made a block longer looks at the link
// behind it again, and whoever has linked a new node looks at the size before it again: each writes its word, then
// reads the other's, all four accesses sequentially consistent, so that at least one of two such threads sees the
// other, and merges. That second look is what a protocol with weaker orders would lose; the explorer shows it.
//
// ABA: a size that was changed and changed back is the same block, since `begin` does not change while the node is
// live; a compare-exchange on it means what it says. A node that died and was used again would be another matter: the
// `Visit` that every operation takes keeps nodes from being used again while a thread is inside that may have seen
// them (see NodePool), so links cannot lie either.
//
// Progress: lock-free. A step is only repeated when another thread has changed the word it was about to change, that
// is, has completed a step of its own; and a range goes round the loop of `add` again only when it has become longer.
//
// `Visit` gives take() -> Node* or nullptr, keep(Node*) for one that was not needed, retire(Node*) for one unlinked. What
// it must know to see who can still reach a node, it asks for as orders: `walk_order` of the loads that follow links,
// acquire at least, and `unlink_order` of the compare-exchange that takes a node out of reach, release at least.
template <class Atomics>
class LockFreeList {
 public:
  using Node = LockFreeNode<Atomics>;

  struct Taken {
    Range block;    // empty: nothing fits
    Range surplus;  // what lay behind it in the same free block; the caller has it now, and adds it again
  };

  enum class Outcome {
    listed,    // the memory is on the list
    overlaps,  // part of it is free already, at `range`; nothing more has been changed
    no_node,  // a node was needed and there is none; `range`, the memory and what it was merged with, is the caller's
  };
  struct Added {
    Outcome outcome;
    Range range;
  };

  constexpr LockFreeList() noexcept : head_{.size = {head_bytes}} {}
  LockFreeList(const LockFreeList&) = delete;
  LockFreeList& operator=(const LockFreeList&) = delete;

  // Effects: takes memory for `layout` out of the first block that it fits in.
  // Requires: as cut_high.
  template <class Visit>
  [[nodiscard]] Taken take(const Layout& layout, Visit& visit) noexcept {
    Taken taken;
    Place place = search(visit, [&](Place& here) { return try_split(here, layout, taken); });
    if (place.at != nullptr && place.size == 0) unlink(*place.before, *place.at, visit);
    return taken;
  }

  // Effects: takes, whole, the first block for which `wanted(range)` holds.  Returns: it, or an empty range.
  template <class Visit, class Wanted>
  [[nodiscard]] Range take_whole(Visit& visit, Wanted wanted) noexcept {
    Range taken;
    Place place = search(visit, [&](Place& here) {
      while (here.size != 0 && wanted(here.at->range(here.size))) {
        taken = here.at->range(here.size);
        if (try_take(*here.at, here.size)) return true;
      }
      taken = {};
      return false;
    });
    if (place.at != nullptr) unlink(*place.before, *place.at, visit);
    return taken;
  }

  // Effects: puts a range that is the caller's on the list, merged with the blocks that it touches.
  // Requires: whole granules.
  template <class Visit>
  [[nodiscard]] Added add(Range memory, Visit& visit) noexcept {
    Step step = Step::again;
    while (step == Step::again) {
      Place place = find(memory.begin, visit);
      if (Range twice = overlapping(place, memory); !twice.empty()) return {Outcome::overlaps, twice};
      if (place.at != nullptr && place.at->range(place.size).begin == memory.end()) {
        if (try_take(*place.at, place.size)) memory.size += place.size;
      } else if (place.before->range(place.before_size).end() == memory.begin) {
        step = lengthen(place, memory);
      } else {
        step = insert(place, memory, visit);
      }
    }
    if (step == Step::no_node) return {Outcome::no_node, memory};
    return {step == Step::overlaps ? Outcome::overlaps : Outcome::listed, memory};
  }

  // Effects: calls `look(range)` for the blocks in order of address until it says true.
  // What other threads do meanwhile may be seen or not; with nobody else inside, it is the list.
  template <class Visit, class Look>
  void look_through(Visit& visit, Look look) noexcept {
    (void)search(visit, [&](Place& here) { return look(here.at->range(here.size)); });
  }

  // Requires: nobody else is inside.
  template <class Visit>
  [[nodiscard]] Stats stats(Visit& visit) noexcept {
    Stats stats;
    Range previous{nullptr, head_bytes};
    look_through(visit, [&](Range block) {
      stats.length += 1;
      stats.size += block.size;
      if (block.size > stats.largest) stats.largest = block.size;
      count(previous, block, stats.validity);
      previous = block;
      return false;
    });
    return stats;
  }

 private:
  // Two neighbours in the list: `before` was alive with `before_size`, `at` with `size`, when they were looked at.
  struct Place {
    Node* before;
    std::size_t before_size;
    Node* at = nullptr;    // nullptr: the end of the list
    std::size_t size = 0;  // of `at`
  };

  enum class Step { again, listed, overlaps, no_node };

  // Returns: the first place whose block `stop` says true to, or the end. Dead nodes on the way are unlinked.
  template <class Visit, class Stop>
  [[nodiscard]] Place search(Visit& visit, Stop stop) noexcept {
    for (;;) {
      Place place{&head_, head_bytes};
      if (walk(place, visit, stop)) return place;
      Atomics::pause();
    }
  }

  // Returns: false when the ground under the walker is gone, and it has to begin again.
  template <class Visit, class Stop>
  [[nodiscard]] bool walk(Place& place, Visit& visit, Stop& stop) noexcept {
    for (;;) {
      const LinkWord link = place.before->next.load(Visit::walk_order);
      if (is_marked(link)) return false;
      place.at = unmarked_node<Node>(link);
      while (place.at != nullptr && (place.size = place.at->size.load(std::memory_order_relaxed)) == 0) {
        const Unlinked unlinked = unlink(*place.before, *place.at, visit);
        if (!unlinked.done) return false;
        place.at = unlinked.next;
      }
      if (place.at == nullptr || stop(place)) return true;
      place.before = place.at;
      place.before_size = place.size;
    }
  }

  // Returns: the place where a block that begins at `begin` belongs: `at` begins there or above.
  template <class Visit>
  [[nodiscard]] Place find(const std::byte* begin, Visit& visit) noexcept {
    return search(visit, [begin](Place& here) {
      return address_of(here.at->range(here.size).begin) >= address_of(begin);
    });
  }

  struct Unlinked {
    bool done;   // false: the link before the node has changed; somebody else will have to unlink it, or has
    Node* next;  // what followed it
  };

  // Effects: takes a dead node out of the list.
  template <class Visit>
  static Unlinked unlink(Node& before, Node& dead, Visit& visit) noexcept {
    Node* const next = node_behind<Node>(dead.next.fetch_or(link_mark, std::memory_order_acquire));
    LinkWord expected = link_to(&dead);
    if (!before.next.compare_exchange_strong(expected, link_to(next), Visit::unlink_order,
                                             std::memory_order_relaxed)) {
      return {false, next};
    }
    visit.retire(&dead);
    return {true, next};
  }

  // Effects: cuts `layout` out of the end of the block, if it fits; `here.size` is then what is left.
  [[nodiscard]] static bool try_split(Place& here, const Layout& layout, Taken& taken) noexcept {
    std::size_t size = here.size;
    while (size >= layout.size) {
      const Range block = here.at->range(size);
      const Range cut = cut_high(block, layout);
      if (cut.empty()) return false;
      const auto front = static_cast<std::size_t>(cut.begin - block.begin);
      if (here.at->size.compare_exchange_strong(size, front, std::memory_order_acquire,
                                                std::memory_order_relaxed)) {
        here.size = front;
        taken = {cut, range_between(cut.end(), block.end())};
        return true;
      }
    }
    return false;
  }

  // Effects: takes the block whole if it has `size` bytes still; else `size` is what it has.
  [[nodiscard]] static bool try_take(Node& node, std::size_t& size) noexcept {
    return node.size.compare_exchange_strong(size, 0, std::memory_order_acquire, std::memory_order_relaxed);
  }

  // Returns: the free block that `memory` overlaps at this place, or an empty range. It is not mistaken: `memory` is
  // the caller's all the time, so a free block that was seen to overlap it at any moment was one too many.
  [[nodiscard]] static Range overlapping(const Place& place, Range memory) noexcept {
    const Range before = place.before->range(place.before_size);
    if (relation(before, memory) == Relation::overlapping) return before;
    if (place.at == nullptr) return {};
    const Range behind = place.at->range(place.size);
    return relation(memory, behind) == Relation::overlapping ? behind : Range{};
  }

  // Effects: adds `memory` to the end of the block before it.
  [[nodiscard]] static Step lengthen(Place& place, Range& memory) noexcept {
    const std::size_t size = place.before_size + memory.size;
    if (!place.before->size.compare_exchange_strong(place.before_size, size, std::memory_order_seq_cst,
                                                    std::memory_order_relaxed)) {
      return Step::again;
    }
    return look_behind(*place.before, size, memory);
  }

  // The second look of one who has made a block longer: a node may have been linked behind it meanwhile.
  // Effects: if that one's block touches, it is taken, and is `memory` now, to be added again.
  [[nodiscard]] static Step look_behind(Node& node, std::size_t size, Range& memory) noexcept {
    const Range block = node.range(size);
    for (;;) {
      std::size_t next_size = 0;
      Node* const next = live_behind(node, next_size);
      if (next == nullptr) return Step::listed;
      const Range follower = next->range(next_size);
      if (address_of(follower.begin) > address_of(block.end())) return Step::listed;
      if (follower.begin != block.end()) return confirm_overlap(node, size, *next, follower, memory);
      if (try_take(*next, next_size)) {
        memory = next->range(next_size);
        return Step::again;
      }
    }
  }

  // Returns: the first live node behind `node`, and its size. Passes dead ones without unlinking them.
  [[nodiscard]] static Node* live_behind(Node& node, std::size_t& size) noexcept {
    Node* next = node_behind<Node>(node.next.load(std::memory_order_seq_cst));
    while (next != nullptr && (size = next->size.load(std::memory_order_relaxed)) == 0) {
      next = node_behind<Node>(next->next.load(std::memory_order_acquire));
    }
    return next;
  }

  // `next` was alive before this look at `node`, and still is after it: so the two overlapped at that moment.
  // Otherwise one of them has changed in between, and there is nothing to be said.
  [[nodiscard]] static Step confirm_overlap(Node& node, std::size_t size, Node& next, Range follower,
                                            Range& memory) noexcept {
    if (node.size.load(std::memory_order_acquire) != size) return Step::listed;
    if (next.size.load(std::memory_order_relaxed) == 0) return Step::listed;
    memory = follower;
    return Step::overlaps;
  }

  // Effects: links a new node for `memory` into the place.
  template <class Visit>
  [[nodiscard]] Step insert(Place& place, Range& memory, Visit& visit) noexcept {
    Node* const node = visit.take();
    if (node == nullptr) return Step::no_node;
    node->begin.store(memory.begin, std::memory_order_relaxed);
    node->size.store(memory.size, std::memory_order_relaxed);
    node->next.store(link_to(place.at), std::memory_order_relaxed);
    LinkWord expected = link_to(place.at);
    if (!place.before->next.compare_exchange_strong(expected, link_to(node), std::memory_order_seq_cst,
                                                    std::memory_order_relaxed)) {
      visit.keep(node);
      return Step::again;
    }
    return look_before(*place.before, *node, memory);
  }

  // The second look of one who has linked a node: the block before it may have been made longer meanwhile.
  // Effects: if that one touches, the new node's block is taken again, and is `memory`, to be added again.
  // If the block before is dead there is nothing to do: who took it marks its link before anything else, finds our
  // node behind it then, and so does everybody whom that memory passes to.
  [[nodiscard]] static Step look_before(Node& before, Node& node, Range& memory) noexcept {
    const Range block = before.range(before.size.load(std::memory_order_seq_cst));
    if (block.empty() || address_of(block.end()) < address_of(memory.begin)) return Step::listed;
    std::size_t size = node.size.load(std::memory_order_relaxed);
    if (block.end() != memory.begin) {
      if (size == 0) return Step::listed;
      memory = block;
      return Step::overlaps;
    }
    while (size != 0) {
      if (try_take(node, size)) {
        memory.size = size;
        return Step::again;
      }
    }
    return Step::listed;
  }

  static void count(Range previous, Range block, Validity& validity) noexcept {
    switch (relation(previous, block)) {
      case Relation::before:
        break;
      case Relation::adjacent_before:
        validity.adjacents += 1;
        break;
      case Relation::overlapping:
        validity.overlaps += 1;
        break;
      case Relation::adjacent_after:
      case Relation::after:
        validity.out_of_order += 1;
        break;
    }
    if (block.size < least_block) validity.undersized += 1;
    if (!is_aligned(block.begin, granule) || block.size % granule != 0) validity.misaligned += 1;
  }

  // The head is a node like any other, of a block that no heap can touch: the one byte at address 0.
  static constexpr std::size_t head_bytes = 1;

  Node head_;
};

}  // namespace basalt
