// The one concept that every door opens to.
#pragma once

#include <concepts>
#include <cstddef>

#include "heap_stats.hpp"
#include "origin.hpp"

namespace basalt {

// Something that hands out blocks and takes them back by pointer alone, from any thread.
//
//   allocate(size, alignment)   Requires: alignment is a power of two.
//                               Returns: a block of at least `size` bytes (size 0 gets a block of its own too) at
//                               a multiple of max(alignment, 16), or nullptr when it cannot be had; never throws.
//   deallocate(p)               Returns: false if p is not ours, and then nothing has been touched. A pointer into
//                               our memory that is not a live block ends the program with a sentence.
//   reallocate(p, size)         Requires: owns(p); a pointer that is not a live block ends the program as above.
//                               Returns: a block with the old contents up to the smaller size; in place if that can
//                               be. On failure nullptr, and the old block is as it was.
//   usable_size(p)              Returns: the bytes the caller may use; constant for the life of the block.
//                               Requires: owns(p).
//   owns(p)                     Returns: whether p points into memory of this allocator. Any pointer may be asked
//                               about; it is not followed.
//   trim()                      Effects: gives whole free pages back to the OS.  Returns: whether any went.
//   stats()                     Returns: a consistent snapshot.
//   broken_law()                Returns: nullptr if a walk finds all in order, else the law that is broken, in words.
//   before_fork() and so on     Effects: hold every lock over a fork; release them in the parent and in the child.
//                               In between the thread that forks may call anything above.
//
// None of these changes errno: what it should be, the doors decide.
//
// Version 14 of the formatter cannot lay out a concept.
// clang-format off
template <class A>
concept Allocator = requires(A& a, const A& ca, void* p, const void* cp, std::size_t n) {
  { a.allocate(n, n) } noexcept -> std::same_as<void*>;
  { a.deallocate(p) } noexcept -> std::same_as<bool>;
  { a.reallocate(p, n) } noexcept -> std::same_as<void*>;
  { ca.usable_size(cp) } noexcept -> std::same_as<std::size_t>;
  { ca.owns(cp) } noexcept -> std::same_as<bool>;
  { a.trim() } noexcept -> std::same_as<bool>;
  { ca.stats() } noexcept -> std::same_as<HeapStats>;
  { ca.broken_law() } noexcept -> std::same_as<const char*>;
  { a.before_fork() } noexcept;
  { a.after_fork_in_parent() } noexcept;
  { a.after_fork_in_child() } noexcept;
};

// Optional: an allocator that knows how large each block was asked for.
//
//   deallocate(p, size)         As deallocate(p); a `size` with which this block cannot have been allocated ends the
//                               program with a sentence.
template <class A>
concept ChecksSizes = Allocator<A> && requires(A& a, void* p, std::size_t n) {
  { a.deallocate(p, n) } noexcept -> std::same_as<bool>;
};

// Optional: an allocator that knows which of its memory is zero.
//
//   allocate_zeroed(size)       As allocate(size, 16), and all bytes of the block are 0.
template <class A>
concept AllocatesZeroed = Allocator<A> && requires(A& a, std::size_t n) {
  { a.allocate_zeroed(n) } noexcept -> std::same_as<void*>;
};

// Optional: an allocator that may notice a block that is given back to another family of functions than it came from.
//
//   allocate(size, alignment, origin), deallocate(p, origin), deallocate(p, size, origin)
//                               As those without; a block that does not go with the origin may end the program.
template <class A>
concept KnowsOrigins = ChecksSizes<A> && requires(A& a, void* p, std::size_t n, Origin origin) {
  { a.allocate(n, n, origin) } noexcept -> std::same_as<void*>;
  { a.deallocate(p, origin) } noexcept -> std::same_as<bool>;
  { a.deallocate(p, n, origin) } noexcept -> std::same_as<bool>;
};

// Optional: an allocator that prepares its first use by itself. For any other, the doors do before they allocate.
template <class A>
concept PreparesItself = Allocator<A> && A::prepares_itself;
// clang-format on

}  // namespace basalt
