// Nodes for the lock-free list: where they come from, and when they may be used again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

#include "lock_free_node.hpp"
#include "lock_free_seats.hpp"

namespace basalt {

// The life of a node:
//
//   pages --add_pages--> unused --take--> in the list --retire--> waiting (one pile per epoch) --two epochs--> unused
//
// All piles are chained by `pile`, which has no other use; so one who still stands on an unlinked node can read its
// link and leave. Law: a node is on one pile, or with one visit, or in the list.
//
// ABA on the pile of unused nodes: `take` reads a node and its successor, and then swings the pile's head from the one
// to the other. That the node has gone and come back in between is impossible: it would have been waiting for two
// epochs, but the taker sits, and the epoch moves on by one at most. For the same reason a node that was taken and not
// needed is not simply laid back: it waits as well.
template <class Atomics, std::size_t seats, class Waiting>
class NodePool {
 public:
  using Node = LockFreeNode<Atomics>;
  using Chairs = Seats<Atomics, seats, Waiting>;
  class Visit;
  class Alone;

  constexpr NodePool() noexcept = default;

  // Effects: makes nodes of whole pages, which are never used for anything else.
  // Requires: nobody else uses them.  Returns: how many there are room for.
  std::size_t add_pages(Range pages) noexcept {
    std::byte* const first = align_up(pages.begin, alignof(Node));
    Node* chain = nullptr;
    Node* last = nullptr;
    std::size_t made = 0;
    for (std::byte* at = first; at + sizeof(Node) <= pages.end(); at += sizeof(Node), ++made) {
      Node* const node = ::new (static_cast<void*>(at)) Node{};
      node->pile.store(chain, std::memory_order_relaxed);
      if (last == nullptr) last = node;
      chain = node;
    }
    if (made != 0) lay_on_unused(chain, last);
    return made;
  }

  [[nodiscard]] Chairs& chairs() noexcept { return chairs_; }
  [[nodiscard]] const Chairs& chairs() const noexcept { return chairs_; }

 private:
  // Requires: the caller sits.
  [[nodiscard]] Node* take() noexcept {
    Node* node = unused_.load(std::memory_order_seq_cst);
    while (node != nullptr) {
      Node* const rest = node->pile.load(std::memory_order_relaxed);
      if (unused_.compare_exchange_strong(node, rest, std::memory_order_seq_cst, std::memory_order_acquire)) {
        return node;
      }
    }
    return nullptr;
  }

  // Requires: the caller sits, and the node has been out of reach of newcomers since before this call.
  // The pile needs no order of its own: who takes it away does so two epochs later, and the epochs order that.
  void retire(Node* node) noexcept {
    auto& waiting = waiting_[chairs_.now() % waiting_.size()];
    Node* chain = waiting.load(std::memory_order_relaxed);
    do {
      node->pile.store(chain, std::memory_order_relaxed);
    } while (!waiting.compare_exchange_strong(chain, node, std::memory_order_relaxed));
  }

  // Effects: if the epoch can move on, what has waited for two of them can be used again.
  // No pile is in two of these roles at once. In epoch e + 1, just begun: nodes retired now wait in pile e + 1; those
  // who read the epoch just before may still be laying nodes on pile e; and pile e - 1 is ours alone, because who read
  // e - 1 sat down in e - 1 or before, and would have held up the end of e.
  // Requires: the caller sits.
  void recycle() noexcept {
    const Epoch begun = chairs_.try_advance();
    if (begun == 0) return;
    Node* const first = waiting_[(begun - 2) % waiting_.size()].exchange(nullptr, std::memory_order_relaxed);
    if (first == nullptr) return;
    Node* last = first;
    while (Node* const next = last->pile.load(std::memory_order_relaxed)) last = next;
    lay_on_unused(first, last);
  }

  void lay_on_unused(Node* first, Node* last) noexcept {
    Node* top = unused_.load(std::memory_order_relaxed);
    do {
      last->pile.store(top, std::memory_order_relaxed);
    } while (
        !unused_.compare_exchange_strong(top, first, std::memory_order_release, std::memory_order_relaxed));
  }

  using Pile = typename Atomics::template Atomic<Node*>;

  Pile unused_{nullptr};
  std::array<Pile, 3> waiting_{};  // by the epoch of retirement, modulo 3
  Chairs chairs_;
};

// One operation inside the list: it sits from beginning to end, so that what it sees stays what it is.
// A thread has one visit at a time: one that waited for a second seat could wait for somebody who waits for its first.
template <class Atomics, std::size_t seats, class Waiting>
class NodePool<Atomics, seats, Waiting>::Visit {
 public:
  // Sitting down, then following a link; taking a node out of reach, then asking for the epoch: whoever does the one
  // must see whoever has done the other.
  static constexpr std::memory_order walk_order = std::memory_order_seq_cst;
  static constexpr std::memory_order unlink_order = std::memory_order_seq_cst;

  Visit(NodePool& pool, std::size_t first_seat) noexcept
      : pool_{pool}, seat_{pool.chairs_.enter(first_seat)} {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (kept_ != nullptr) retire(kept_);
    pool_.chairs_.leave(seat_);
  }

  // Returns: a node that nobody else can reach, or nullptr when there is none.
  [[nodiscard]] Node* take() noexcept {
    if (kept_ != nullptr) return std::exchange(kept_, nullptr);
    if (Node* const node = pool_.take()) return node;
    pool_.recycle();
    return pool_.take();
  }

  // Effects: keeps a node that was not needed, for the next `take` of this visit.  Requires: none is kept.
  void keep(Node* node) noexcept { kept_ = node; }

  void retire(Node* node) noexcept { pool_.retire(node); }

  [[nodiscard]] Seat<Atomics>& seat() noexcept { return seat_; }

 private:
  NodePool& pool_;
  Seat<Atomics>& seat_;
  Node* kept_ = nullptr;
};

// A visit with all the seats: nobody else is inside for its length. For what must see everything at once.
template <class Atomics, std::size_t seats, class Waiting>
class NodePool<Atomics, seats, Waiting>::Alone {
 public:
  static constexpr std::memory_order walk_order = Visit::walk_order;
  static constexpr std::memory_order unlink_order = Visit::unlink_order;

  explicit Alone(NodePool& pool) noexcept : pool_{pool} { pool_.chairs_.close(); }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
  ~Alone() { pool_.chairs_.open(); }

  void retire(Node* node) noexcept { pool_.retire(node); }

 private:
  NodePool& pool_;
};

}  // namespace basalt
