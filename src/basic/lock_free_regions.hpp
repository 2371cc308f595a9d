// Which addresses are the heap's, for many threads at once.
#pragma once

#include <cstddef>

#include "lock_free_node.hpp"

namespace basalt {

// What the grower gave, newest first: one range a node, and neighbours that came one after the other are one range.
// Ranges are added and never removed, so an answer cannot become wrong.
//
// ABA does not arise: only one thread at a time adds, and readers compare nothing.
template <class Atomics>
class LockFreeRegions {
 public:
  using Node = LockFreeNode<Atomics>;

  constexpr LockFreeRegions() noexcept = default;

  // Effects: writes `fresh` down in `node`.
  // Requires: one thread at a time; the node is the caller's.
  template <class Visit>
  void add(Range fresh, Node* node, Visit& visit) noexcept {
    Node* const newest = node_behind<Node>(newest_.load(std::memory_order_relaxed));
    Range whole = fresh;
    bool joined = false;
    if (newest != nullptr) {
      const Range other = newest->range(newest->size.load(std::memory_order_relaxed));
      joined = other.begin == fresh.end() || other.end() == fresh.begin;
      if (joined) whole = {other.begin == fresh.end() ? fresh.begin : other.begin, fresh.size + other.size};
    }
    node->begin.store(whole.begin, std::memory_order_relaxed);
    node->size.store(whole.size, std::memory_order_relaxed);
    const LinkWord older = joined ? newest->next.load(std::memory_order_relaxed) : link_to(newest);
    node->next.store(older, std::memory_order_relaxed);
    newest_.store(link_to(node),
                  std::memory_order_seq_cst);  // before a joined one is retired, to those who sit down
    if (joined) visit.retire(newest);
  }

  // Returns: whether every byte of `range` was added.
  // Requires: the caller visits.
  [[nodiscard]] bool contains(Range range) const noexcept {
    while (!range.empty()) {
      const std::size_t covered = bytes_from(range);
      if (covered == 0) return false;
      range = range.after(covered < range.size ? covered : range.size);
    }
    return true;
  }

 private:
  // Returns: how many bytes from the beginning of `range` lie in one region.
  [[nodiscard]] std::size_t bytes_from(Range range) const noexcept {
    LinkWord link = newest_.load(std::memory_order_seq_cst);
    while (const Node* const node = node_behind<Node>(link)) {
      const Range region = node->range(node->size.load(std::memory_order_relaxed));
      const std::size_t offset = address_of(range.begin) - address_of(region.begin);
      if (offset < region.size) return region.size - offset;
      link = node->next.load(std::memory_order_relaxed);
    }
    return 0;
  }

  typename Atomics::template Atomic<LinkWord> newest_{0};
};

}  // namespace basalt
