// The small kitchen for many threads at once, without a lock on its list.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "../base/atomics.hpp"
#include "../base/heap_stats.hpp"
#include "../base/layout.hpp"
#include "../base/push_list.hpp"
#include "../base/spin_lock.hpp"
#include "../platform/backoff.hpp"
#include "../source/heap_grower.hpp"
#include "lock_free_list.hpp"
#include "lock_free_nodes.hpp"
#include "lock_free_regions.hpp"
#include "refusal.hpp"

namespace basalt {

// allocate                               deallocate
//   |- LockFreeList::take   split a block   `- LockFreeList::add   lengthen the block before, or a new node
//   `- grow                 one at a time        `- park           no node to be had
//
// The same calls and the same promises as `Locked<RawAlloc<Grower>>`, and these differences:
//
//   Progress  allocate, deallocate and reallocate are lock-free while the list holds what is asked for and there are
//             seats. What may wait: growth (one thread at a time asks the grower; growers are written for one thread);
//             more than `seats` operations at once; everything while one thread is alone inside, which `stats`,
//             `validate` and the time of a fork need.
//   Errors    a free block cannot be taken apart in the middle, so memory in the hands of another thread, between two
//             steps of its own, is not found free: a request can make the heap grow that would have fitted a moment
//             later. Two frees of the same block are noticed if the block is on the list at the time of the second, or
//             if both run at once; not if its memory has been allocated again, nor while a third thread is merging it.
//   Memory    32 bytes for each free block, apart from the heap, in pages that are kept. Free pages go back when asked
//             for (`trim`) and if the grower can decommit; their addresses stay.
//   Peak      `peak_live_bytes` is looked at when the heap grows and when statistics are asked for.
//
// Law of conservation: allocated - freed == grown - on the list - parked, in bytes, when nobody is inside.
template <HeapGrower Grower, class Atomics = StdAtomics, std::size_t seats = 64, class Waiting = Backoff>
class LockFreeAlloc {
 public:
  constexpr LockFreeAlloc() noexcept = default;
  template <class... Arguments>
  explicit constexpr LockFreeAlloc(Arguments&&... arguments) noexcept
      : grower_{static_cast<Arguments&&>(arguments)...} {}

  // Returns: `layout.size` bytes where `layout` wants them.
  // Errors: EINVAL for a layout that is not one; else whatever the grower answered. Nothing has changed then.
  [[nodiscard]] Result<std::byte*> allocate(Layout layout) noexcept {
    if (!layout.valid()) return Result<std::byte*>::failure(reason_against(layout));
    Visit visit{pool_, seat_by_stack()};
    return allocate(rounded(layout), visit);
  }

  // Requires: a live block of this allocator, with the size that it was allocated with (or last reallocated to).
  // Errors: a block that is seen not to be live, wholly or in part, ends the program with a sentence.
  void deallocate(std::byte* block, std::size_t size) noexcept {
    Visit visit{pool_, seat_by_stack()};
    deallocate({block, block_size(size)}, visit);
  }

  // Returns: the block, with its contents up to the smaller size, as large as `wanted` says.
  // Tries in this order: the same place; the free block that follows; a copy.
  // Errors: as `allocate`; the old block is then as it was.
  // Requires: as `deallocate`; `wanted` has the alignment and offset of the block.
  [[nodiscard]] Result<std::byte*> reallocate(std::byte* block, std::size_t size, Layout wanted) noexcept {
    if (!wanted.valid()) return Result<std::byte*>::failure(reason_against(wanted));
    const Range memory{block, block_size(size)};
    wanted = rounded(wanted);
    Visit visit{pool_, seat_by_stack()};
    refuse_foreign(memory);
    if (resize_in_place(memory, wanted.size, visit)) return Result<std::byte*>::success(block);
    const Result<std::byte*> fresh = allocate(wanted, visit);
    if (fresh.ok()) {
      std::memcpy(fresh.value, block, std::min(memory.size, wanted.size));
      deallocate(memory, visit);
    }
    return fresh;
  }

  // Effects: gives the memory of whole free pages back; the addresses stay.  Returns: whether any went.
  bool trim() noexcept {
    bool went = false;
    if constexpr (Decommits<Grower>) {
      Visit visit{pool_, seat_by_stack()};
      const std::size_t page = grower_.page_size();
      std::byte* from = nullptr;
      for (;;) {
        const Range block = list_.take_whole(visit, [&](Range free) {
          return address_of(free.begin) >= address_of(from) && !whole_pages(free, page).empty();
        });
        if (block.empty()) break;
        went |= !decommit(whole_pages(block, page));
        from = block.end();
        add(block, block, visit);
      }
    }
    return went;
  }

  // Returns: a consistent snapshot: everybody else waits outside meanwhile.
  [[nodiscard]] HeapStats stats() const noexcept {
    Alone alone{pool_};
    note_peak();
    HeapStats stats = counted();
    const Stats list = list_.stats(alone);
    stats.free_bytes = list.size;
    stats.free_blocks = list.length;
    stats.largest_free_bytes = list.largest;
    for (const FreeHeader* block = parked_.first(); block != nullptr; block = block->next) {
      stats.free_bytes += block->size;
      stats.free_blocks += 1;
      stats.largest_free_bytes = std::max(stats.largest_free_bytes, block->size);
    }
    return stats;
  }

  [[nodiscard]] Validity validate() const noexcept {
    Alone alone{pool_};
    return list_.stats(alone).validity;
  }

  // Returns: whether `place` lies in a free block.
  [[nodiscard]] bool is_free(const std::byte* place) const noexcept {
    Visit visit{pool_, seat_by_stack()};
    bool found = false;
    list_.look_through(visit, [&](Range block) {
      found = address_of(place) - address_of(block.begin) < block.size;
      return found;
    });
    return found;
  }

  // Returns: whether the grower gave all of `range`.
  [[nodiscard]] bool owns(Range range) const noexcept {
    Visit visit{pool_, seat_by_stack()};
    return regions_.contains(range);
  }

  // Bytes that the nodes take, apart from the heap.
  [[nodiscard]] std::size_t node_bytes() const noexcept {
    return node_bytes_.load(std::memory_order_relaxed);
  }

  // A child gets a copy of the memory as it is at the fork, and only the thread that forked. So that thread sends all
  // others outside meanwhile: the copy then has no operation half done.
  void before_fork() noexcept { pool_.chairs().close(); }
  void after_fork() noexcept { pool_.chairs().open(); }

 private:
  using List = LockFreeList<Atomics>;
  using Pool = NodePool<Atomics, seats, Waiting>;
  using Visit = typename Pool::Visit;
  using Alone = typename Pool::Alone;
  using Lock = SpinLock<Waiting>;

  [[nodiscard]] static Error reason_against(const Layout& layout) noexcept {
    return layout.size > max_request ? out_of_memory : invalid_argument;
  }

  [[nodiscard]] static Layout rounded(Layout layout) noexcept {
    return {block_size(layout.size), std::max(layout.alignment, granule), layout.offset};
  }

  [[nodiscard]] Result<std::byte*> allocate(const Layout& layout, Visit& visit) noexcept {
    typename List::Taken taken = list_.take(layout, visit);
    if (taken.block.empty()) {
      const Error refused = grow_for(layout, taken, visit);
      if (refused) return Result<std::byte*>::failure(refused);
    }
    add(taken.surplus, taken.block, visit);
    visit.seat().allocated.add(layout.size);
    return Result<std::byte*>::success(taken.block.begin);
  }

  void deallocate(Range memory, Visit& visit) noexcept {
    refuse_foreign(memory);
    add(memory, memory, visit);
    visit.seat().freed.add(memory.size);
  }

  // Effects: makes a range that is ours part of the list. If not a single node can be had, it is parked.
  // `cause` is what an error message names: the block that a caller gave back.
  // Returns: whether it is on the list now.
  bool add(Range memory, Range cause, Visit& visit) noexcept {
    while (!memory.empty()) {
      const typename List::Added added = list_.add(memory, visit);
      if (added.outcome == List::Outcome::listed) break;
      memory = added.range;
      if (added.outcome == List::Outcome::overlaps) refuse_double_free(cause, memory);
      if (!provide_node(visit)) {
        park(memory);
        return false;
      }
    }
    return true;
  }

  // Effects: one thread at a time: grows until `layout` fits, unless it fits by now. The rest goes to the list.
  [[nodiscard]] Error grow_for(const Layout& layout, typename List::Taken& taken, Visit& visit) noexcept {
    Holding growing{growing_};
    while (unpark(visit)) {
    }
    taken = list_.take(layout, visit);
    if (!taken.block.empty()) return no_error;
    const std::size_t slack = add_saturating(layout.alignment, layout.offset + 2 * least_block);
    for (const std::size_t bytes : {layout.size, add_saturating(layout.size, slack)}) {
      const Result<Range> growth = grow(bytes, visit);
      if (!growth.ok()) return growth.error;
      const Range cut = cut_low(growth.value, layout);
      if (cut.empty()) {
        add(growth.value, growth.value, visit);
        continue;
      }
      add(range_between(growth.value.begin, cut.begin), cut, visit);
      taken = {cut, range_between(cut.end(), growth.value.end())};
      return no_error;
    }
    return out_of_memory;
  }

  // Effects: grows, and writes down that the growth is ours; there is a node for that before the grower is asked.
  [[nodiscard]] Result<Range> grow(std::size_t bytes, Visit& visit) noexcept {
    note_peak();
    auto* node = visit.take();
    if (node == nullptr && provide_node(visit)) node = visit.take();
    if (node == nullptr) return Result<Range>::failure(out_of_memory);
    Holding asking{asking_};
    const Result<Range> growth = grower_.grow(bytes);
    if (growth.ok()) {
      grown_bytes_.fetch_add(growth.value.size, std::memory_order_relaxed);
      regions_.add(growth.value, node, visit);
    } else {
      visit.keep(node);
    }
    return growth;
  }

  // Effects: the visit gets a node to keep, from fresh pages if need be.  Returns: whether it has one now.
  [[nodiscard]] bool provide_node(Visit& visit) noexcept {
    Holding asking{asking_};
    auto* node = visit.take();
    if (node == nullptr && make_nodes()) node = visit.take();
    if (node != nullptr) visit.keep(node);
    return node != nullptr;
  }

  // Effects: turns the next part of the pages for nodes into nodes; in small parts, since this touches them.
  [[nodiscard]] bool make_nodes() noexcept {
    for (const std::size_t bytes : {node_portion, sizeof(typename List::Node)}) {
      if (node_pages_.size >= bytes) break;
      const Result<Range> pages = grower_.grow(bytes);
      if (pages.ok()) node_pages_ = pages.value;
    }
    const Range portion = node_pages_.first(std::min(node_pages_.size, node_portion));
    node_pages_ = node_pages_.after(portion.size);
    node_bytes_.fetch_add(portion.size, std::memory_order_relaxed);
    return pool_.add_pages(portion) != 0;
  }

  // Memory that is free but has no node waits in a stack of its own, in which the memory itself is the link. That is
  // safe, and only because nobody ever follows such a link but one who has taken the whole stack: a thread in `park`
  // writes to memory that is its own, and compares the top with what it was without following it.
  void park(Range memory) noexcept { parked_.push(*FreeBlock::over(memory).release()); }

  // Effects: what was parked goes to the list, as far as there are nodes by now, or neighbours.
  // Returns: whether any went: then others may have got a neighbour.
  [[nodiscard]] bool unpark(Visit& visit) noexcept {
    bool any = false;
    FreeHeader* block = parked_.take_all();
    while (block != nullptr) {
      const Range memory = block->range();
      block = block->next;
      any |= add(memory, memory, visit);
    }
    return any;
  }

  [[nodiscard]] bool resize_in_place(Range memory, std::size_t size, Visit& visit) noexcept {
    return size <= memory.size ? shrink(memory, size, visit) : lengthen(memory, size, visit);
  }

  // A tail that cannot be a block can still be given to the free block that follows it.
  [[nodiscard]] bool shrink(Range memory, std::size_t size, Visit& visit) noexcept {
    Range tail = memory.after(size);
    if (!can_remain(tail.size)) {
      const Range follower = take_behind(memory, 0, visit);
      if (follower.empty()) return false;
      tail.size += follower.size;
    }
    add(tail, tail, visit);
    visit.seat().freed.add_bytes(memory.size - size);
    return true;
  }

  [[nodiscard]] bool lengthen(Range memory, std::size_t size, Visit& visit) noexcept {
    const std::size_t more = size - memory.size;
    const Range follower = take_behind(memory, more, visit);
    if (follower.empty()) return false;
    add(follower.after(more), follower, visit);
    visit.seat().allocated.add_bytes(more);
    return true;
  }

  // Returns: the whole free block that follows `memory`, if `bytes` can be cut off its front; it is ours then.
  [[nodiscard]] Range take_behind(Range memory, std::size_t bytes, Visit& visit) noexcept {
    return list_.take_whole(visit, [&](Range free) {
      return free.begin == memory.end() && free.size >= bytes && can_remain(free.size - bytes);
    });
  }

  [[nodiscard]] Error decommit(Range pages) noexcept {
    Holding asking{asking_};
    return grower_.decommit(pages);
  }

  // Requires: the caller visits.
  void refuse_foreign(Range memory) const noexcept {
    if (!is_aligned(memory.begin, granule)) refuse_misaligned(memory);
    if (!regions_.contains(memory)) refuse_not_ours(memory);
  }

  // What all seats have counted. Exact when nobody else is inside.
  [[nodiscard]] HeapStats counted() const noexcept {
    HeapStats stats;
    for (const Seat<Atomics>& seat : pool_.chairs().all()) {
      stats.allocations += seat.allocated.count();
      stats.deallocations += seat.freed.count();
      stats.live_bytes += seat.allocated.bytes() - seat.freed.bytes();
    }
    stats.peak_live_bytes = peak_live_bytes_.load(std::memory_order_relaxed);
    stats.grown_bytes = grown_bytes_.load(std::memory_order_relaxed);
    return stats;
  }

  // Requires: the caller is alone, or it is the one that is growing the heap.
  void note_peak() const noexcept {
    const std::size_t live = counted().live_bytes;
    const std::size_t grown = grown_bytes_.load(std::memory_order_relaxed);
    if (live <= grown && live > peak_live_bytes_.load(std::memory_order_relaxed)) {
      peak_live_bytes_.store(live, std::memory_order_relaxed);
    }
  }

  static constexpr std::size_t node_portion = 4 * KiB;

  // Asking the list, the pool or the seats means sitting down, so even a question changes something.
  mutable Pool pool_;
  mutable List list_;
  LockFreeRegions<Atomics> regions_;
  PushList<FreeHeader, Atomics> parked_;
  mutable std::atomic<std::size_t> peak_live_bytes_{0};
  std::atomic<std::size_t> grown_bytes_{0};
  std::atomic<std::size_t> node_bytes_{0};

  // Order: `growing_` before `asking_`; both only by one who sits, so that nobody holds them while all seats are taken.
  Lock growing_;  // one thread at a time makes the heap grow, and the others look at the list again
  Lock asking_;   // guards `grower_` and `node_pages_`
  Grower grower_{};
  Range node_pages_{};  // pages for nodes that are not made yet
};

}  // namespace basalt
