// A free block of the lock-free list, described from outside.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/range.hpp"

namespace basalt {

//      node, in pages of nodes              a free block
//      +------+------+-------+------+       +------------------------------+
//      | next | size | begin | pile |       |  not a byte of it is touched |
//      +------+------+-------+------+       +------------------------------+
//         |             `-------------------^
//         `---> the node of the next free block, in order of address; the lowest bit is the mark
//
// A node can be in one of three states, and goes through them in this order only:
//
//   live      size != 0             the block is free, and begins where `begin` says until the node dies
//   dead      size == 0             whoever wrote the 0 holds the block; the node still hangs in the list
//   unlinked  marked, out of reach  only threads that were inside the list before can still see it
//
// Nodes never become anything else: their pages hold nodes for as long as the heap lives.
template <class Atomics>
struct LockFreeNode {
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  Atomic<std::uintptr_t> next{0};       // a link: see below
  Atomic<std::size_t> size{0};          // bytes; 0: dead
  Atomic<std::byte*> begin{nullptr};    // written only while nobody else can reach the node
  Atomic<LockFreeNode*> pile{nullptr};  // the next node among those that are in no list

  // What is read here may be older than what `size` says by now; the caller says which size it goes by.
  [[nodiscard]] Range range(std::size_t bytes) const noexcept {
    return {begin.load(std::memory_order_relaxed), bytes};
  }
};

// A link is the address of a node and, in its lowest bit, the mark: a node whose own link is marked gets no new
// successor any more, so that it can be unlinked without losing one.
using LinkWord = std::uintptr_t;

inline constexpr LinkWord link_mark = 1;

[[nodiscard]] constexpr bool is_marked(LinkWord link) noexcept { return (link & link_mark) != 0; }

template <class Node>
[[nodiscard]] LinkWord link_to(const Node* node) noexcept {
  return reinterpret_cast<LinkWord>(node);
}

template <class Node>
[[nodiscard]] Node* node_behind(LinkWord link) noexcept {
  return reinterpret_cast<Node*>(link & ~link_mark);
}

// The same without taking the mark off: one instruction less on the way from node to node.
// Requires: the link is not marked.
template <class Node>
[[nodiscard]] Node* unmarked_node(LinkWord link) noexcept {
  return reinterpret_cast<Node*>(link);
}

}  // namespace basalt
