// The small kitchen itself: a list of free blocks over a well. For one thread.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../base/heap_stats.hpp"
#include "../base/layout.hpp"
#include "../platform/bytes.hpp"
#include "../platform/fatal.hpp"
#include "../source/heap_grower.hpp"
#include "block_list.hpp"
#include "fit.hpp"
#include "give_back.hpp"
#include "refusal.hpp"

namespace basalt {

// allocate                             deallocate
//   |- Fit::choose       a free block    |- BlockList::add    its place, merged with its neighbours
//   |- BlockList::take   cut from it     `- give_back_surplus
//   `- grow_for          or fresh
//
// Blocks have no header while they live: the caller gives size and alignment back. A request takes
// `block_size(size)` bytes, so sizes are rounded to 8 and the smallest block has 16 bytes.
//
// Law of conservation: allocated - freed == grown - given back - on the list, in bytes, after every
// operation.
template <HeapGrower Grower, class Fit = FirstFit, class GiveBack = GiveBackNever, class Observer = Silent>
class RawAlloc {
 public:
  constexpr RawAlloc() noexcept = default;
  template <class... Arguments>
  explicit constexpr RawAlloc(Arguments&&... arguments) noexcept
      : grower_{static_cast<Arguments&&>(arguments)...} {}

  // Returns: `layout.size` bytes where `layout` wants them.
  // Errors: EINVAL for a layout that is not one; else whatever the grower answered. Nothing has changed then.
  [[nodiscard]] Result<std::byte*> allocate(Layout layout) noexcept {
    if (!layout.valid()) return Result<std::byte*>::failure(reason_against(layout));
    layout = rounded(layout);
    Choice choice = list_.choose(layout);
    if (choice.taken.empty()) {
      const Error refused = grow_for(layout, choice);
      if (refused) return Result<std::byte*>::failure(refused);
    } else {
      list_.take(choice);
    }
    stats_.allocations += 1;
    add_live(layout.size);
    return Result<std::byte*>::success(choice.taken.begin);
  }

  // Requires: a live block of this allocator, with the size that it was allocated with (or last reallocated
  // to). Errors: a block that is not live, wholly or in part, ends the program with a sentence.
  void deallocate(std::byte* block, std::size_t size) noexcept {
    const Range memory{block, block_size(size)};
    refuse_impossible(memory);
    const Range merged = release(memory);
    stats_.deallocations += 1;
    stats_.live_bytes -= memory.size;
    dirty_ += memory.size;
    give_back_surplus(merged);
  }

  // Returns: the block, with its contents up to the smaller size, as large as `wanted` says.
  // Tries in this order: the same place; the free block that follows; the grower's own end; moving the pages;
  // a copy. Where less than a block would be left over that no free block touches, it is a copy too.
  // Errors: as `allocate`; the old block is then as it was.
  // Requires: as `deallocate`; `wanted` has the alignment and offset of the block.
  [[nodiscard]] Result<std::byte*> reallocate(std::byte* block, std::size_t size, Layout wanted) noexcept {
    if (!wanted.valid()) return Result<std::byte*>::failure(reason_against(wanted));
    const Range memory{block, block_size(size)};
    refuse_impossible(memory);
    const Range free = list_.overlapping(memory);
    if (!free.empty()) refuse_double_free(memory, free);
    wanted = rounded(wanted);
    if (resize_in_place(memory, wanted.size)) return Result<std::byte*>::success(block);
    if (std::byte* const moved = move_pages(memory, wanted)) return Result<std::byte*>::success(moved);
    return copy_elsewhere(memory, wanted);
  }

  // Effects: gives every whole free page back, or decommits it, whatever the policy.  Returns: whether any went.
  bool trim() noexcept {
    const std::size_t before = stats_.given_back_bytes;
    bool decommitted = false;
    if constexpr (GivesBack<Grower>) {
      for (Range run = next_run(nullptr); !run.empty(); run = next_run(run.end())) give_back(run);
    } else if constexpr (Decommits<Grower>) {
      list_.each([&](Range block) { decommitted = decommit(block) || decommitted; });
      dirty_ = 0;
    }
    return decommitted || stats_.given_back_bytes != before;
  }

  [[nodiscard]] HeapStats stats() const noexcept {
    HeapStats stats = stats_;
    const Stats list = list_.stats();
    stats.free_bytes = list.size;
    stats.free_blocks = list.length;
    stats.peak_free_blocks = list_.longest();
    stats.largest_free_bytes = list.largest;
    return stats;
  }

  // Where the grower knows its own, a list that leads out of the heap is followed no further.
  [[nodiscard]] Validity validate() const noexcept {
    if constexpr (KnowsItsOwn<Grower>) {
      return list_.stats([this](Range range) { return grower_.owns(range); }).validity;
    }
    return list_.stats().validity;
  }

  // Returns: whether `place` lies in a free block.
  [[nodiscard]] bool is_free(const std::byte* place) const noexcept {
    return !list_.containing(place).empty();
  }

  [[nodiscard]] const BlockList<Observer, Fit>& list() const noexcept { return list_; }
  [[nodiscard]] Grower& grower() noexcept { return grower_; }
  [[nodiscard]] const Grower& grower() const noexcept { return grower_; }
  [[nodiscard]] Observer& observer() noexcept { return list_.observer(); }

 private:
  [[nodiscard]] static Error reason_against(const Layout& layout) noexcept {
    return layout.size > max_request ? out_of_memory : invalid_argument;
  }

  [[nodiscard]] static Layout rounded(Layout layout) noexcept {
    return {block_size(layout.size), std::max(layout.alignment, granule), layout.offset};
  }

  // Effects: grows until `layout` fits, sets the choice's `taken`, and puts the rest of the growth on the list. Asked
  // for first is what surely suffices: where growth begins at a page, that can be told to the byte for an alignment
  // that a page has; beyond that it takes room to move. What turns out not to fit goes to the list whole.
  [[nodiscard]] Error grow_for(const Layout& layout, Choice& choice) noexcept {
    const std::size_t anywhere = add_saturating(layout.size, layout.alignment + 2 * least_block);
    const std::size_t at_page = at_page_begin(layout);
    const bool page_suffices = layout.alignment <= grower_.page_size();
    Error refused = out_of_memory;
    refuse_broken_list();
    for (const std::size_t bytes : {page_suffices ? at_page : anywhere, page_suffices ? anywhere : at_page}) {
      const Result<Range> growth = grower_.grow(bytes);
      if (!growth.ok()) {
        refused = growth.error;
        if (page_suffices) break;  // the second try would ask for more
        continue;
      }
      const Range fresh = growth.value;
      count_growth(fresh);
      choice.taken = cut_low(fresh, layout);
      if (!choice.taken.empty()) {
        release(range_between(fresh.begin, choice.taken.begin));
        release(range_between(choice.taken.end(), fresh.end()));
        return no_error;
      }
      release(fresh);
    }
    return refused;
  }

  // Effects: ends a program whose list tells of less free memory than there was: it would be grown for in its stead, and
  // never be found again. Growth is rare, and the walk that came before it has the list in the cache.
  void refuse_broken_list() const noexcept {
    const Law broken = validate().broken();
    if (broken != Law::none) refuse_broken(name(broken));
  }

  // Returns: the bytes that `layout` needs of a growth that begins at a page aligned as it asks.
  [[nodiscard]] std::size_t at_page_begin(const Layout& layout) const noexcept {
    std::size_t front = align_up(layout.offset, layout.alignment) - layout.offset;
    if (!can_remain(front)) front += layout.alignment;
    return whole_growth(add_saturating(front, layout.size));
  }

  // Returns: `bytes`, or a little more where the rest of the last page would be a lone granule.
  [[nodiscard]] std::size_t whole_growth(std::size_t bytes) const noexcept {
    const std::size_t pages = align_up(bytes, grower_.page_size());
    return can_remain(pages - bytes) ? bytes : add_saturating(bytes, least_block);
  }

  // Effects: puts memory on the list. Ends a program that frees something twice.
  // Returns: the free block that it is part of now; empty if it is a lone granule that no free block touches.
  Range release(Range memory) noexcept {
    if (memory.empty()) return memory;
    const Added added = list_.add(memory);
    if (added.outcome == Added::Outcome::overlaps) refuse_double_free(memory, added.block);
    return added.outcome == Added::Outcome::listed ? added.block : Range{};
  }

  [[nodiscard]] bool resize_in_place(Range memory, std::size_t size) noexcept {
    return size <= memory.size ? shrink(memory, size) : grow_in_place(memory, size);
  }

  [[nodiscard]] bool shrink(Range memory, std::size_t size) noexcept {
    const Range tail = memory.after(size);
    const Range merged = release(tail);
    if (merged.empty() && !tail.empty()) return false;
    stats_.live_bytes -= tail.size;
    dirty_ += tail.size;
    give_back_surplus(merged);
    return true;
  }

  [[nodiscard]] bool grow_in_place(Range memory, std::size_t size) noexcept {
    const Range wanted{memory.end(), size - memory.size};
    return take_over(wanted) || (extend_heap(wanted) && take_over(wanted));
  }

  // Effects: `wanted`, if it is free, becomes part of the live block before it.
  [[nodiscard]] bool take_over(Range wanted) noexcept {
    Claim more = list_.claim(wanted);
    if (!more.granted()) return false;
    add_live(std::move(more).release().size);
    return true;
  }

  // Effects: if the heap ends in `wanted`, with what is free there, the grower is asked for the rest of it.
  [[nodiscard]] bool extend_heap(Range wanted) noexcept {
    if constexpr (ExtendsInPlace<Grower>) {
      const Range follower = list_.containing(wanted.begin);
      if (!follower.empty() && follower.begin != wanted.begin) return false;
      // If the follower has enough and was not to be had, a lone granule would be left of it: it needs company.
      const std::size_t missing =
          follower.size < wanted.size ? whole_growth(wanted.size - follower.size) : least_block;
      const Result<Range> extension =
          grower_.extend(follower.empty() ? wanted.begin : follower.end(), missing);
      if (!extension.ok()) return false;
      count_growth(extension.value);
      release(extension.value);
      return true;
    }
    return false;
  }

  // Effects: lets the kernel move whole pages; possible when all else that lies on them is free. Pages keep no alignment
  // but their own.  Returns: the block's new place, or nullptr, and then nothing has changed.
  [[nodiscard]] std::byte* move_pages(Range memory, const Layout& wanted) noexcept {
    if constexpr (Remaps<Grower>) {
      const std::size_t page = grower_.page_size();
      if (memory.size < worth_moving || wanted.size < memory.size || wanted.alignment > page) return nullptr;
      Claim front = list_.claim(range_between(first_page(memory.begin), memory.begin));
      if (!front.granted()) return nullptr;
      Claim back = list_.claim(range_between(memory.end(), align_up(memory.end(), page)));
      std::byte* const moved =
          back.granted() ? remap(front.range(), memory, back.range(), wanted.size) : nullptr;
      const Range before = std::move(front).release();
      const Range behind = std::move(back).release();
      if (moved != nullptr) return moved;
      release(behind);
      release(before);
    }
    return nullptr;
  }

  // Returns: the page in which a block begins; the one before it, if what lies in front would be a lone granule: it has a
  // free block to belong to where it is, and would have none where the pages go.
  [[nodiscard]] std::byte* first_page(std::byte* begin) const noexcept {
    std::byte* const first = align_down(begin, grower_.page_size());
    return can_remain(static_cast<std::size_t>(begin - first)) ? first : first - grower_.page_size();
  }

  // Requires: front, memory and back lie side by side, are whole pages together, and are on no list.
  [[nodiscard]] std::byte* remap(Range front, Range memory, Range back, std::size_t size) noexcept {
    const std::size_t page = grower_.page_size();
    const Range old{front.begin, front.size + memory.size + back.size};
    const std::size_t bytes = align_up(whole_growth(front.size + size), page);
    const Result<Range> moved = grower_.remap(old, bytes);
    if (!moved.ok()) return nullptr;
    stats_.given_back_bytes += old.size;
    stats_.grown_bytes += moved.value.size;
    list_.observer().remapped(old, moved.value);
    add_live(size - memory.size);
    release(moved.value.first(front.size));
    release(moved.value.after(front.size + size));
    return moved.value.begin + front.size;
  }

  [[nodiscard]] Result<std::byte*> copy_elsewhere(Range memory, Layout wanted) noexcept {
    const Result<std::byte*> fresh = allocate(wanted);
    if (fresh.ok()) {
      move_bytes(fresh.value, memory.begin, std::min(memory.size, wanted.size));
      deallocate(memory.begin, memory.size);
    }
    return fresh;
  }

  // Effects: what the free bytes exceed `keep` by goes back, if it can go as one run of pages of `threshold` at least.
  // A grower that can only decommit is asked for that instead.
  void give_back_surplus(Range block) noexcept {
    if constexpr (GivesBack<Grower>) {
      if (block.size < GiveBack::threshold || list_.bytes() < give_back_.keep()) return;
      Range run = removable_pages(block);
      run.size = std::min(run.size, align_down(list_.bytes() - give_back_.keep(), grower_.page_size()));
      if (run.size >= GiveBack::threshold) give_back(run);
    } else if constexpr (Decommits<Grower>) {
      decommit_surplus(block);
    }
  }

  // Returns: the whole pages of a free block that can go so that what is left on either side can stay.
  [[nodiscard]] Range removable_pages(Range block) const noexcept {
    const std::size_t page = grower_.page_size();
    Range run = whole_pages(block, page);
    if (!run.empty() && !can_remain(static_cast<std::size_t>(run.begin - block.begin))) run = run.after(page);
    if (!run.empty() && !can_remain(static_cast<std::size_t>(block.end() - run.end()))) run.size -= page;
    return run;
  }

  // Returns: the first run of removable pages that begins at `from` or above; empty if there is none.
  [[nodiscard]] Range next_run(const std::byte* from) const noexcept {
    Range found;
    list_.each([&](Range block) {
      if (!found.empty() || address_of(block.end()) <= address_of(from)) return;
      const Range run = removable_pages(block);
      if (!run.empty() && address_of(run.begin) >= address_of(from)) found = run;
    });
    return found;
  }

  // A refusal (a mapping too many, say) is absorbed: the pages go back on the list.
  void give_back(Range run) noexcept {
    Claim pages = list_.claim(run);
    if (!pages.granted()) return;
    const Error refused = grower_.give_back(run);
    const Range gone = std::move(pages).release();
    if (refused) {
      release(gone);
      return;
    }
    stats_.given_back_bytes += run.size;
    give_back_.gave_back(run.size);
    list_.observer().gave_back(run);
  }

  // Effects: the pages inside a free block go, and it stays on the list: all but the first bytes, its header. They are
  // not marked: instead `dirty_` counts what has been freed since, and nothing is asked before that exceeds `keep`. So
  // a page may be asked for twice, but never more than once for so many bytes freed.
  void decommit_surplus(Range block) noexcept {
    if (block.size < GiveBack::threshold || dirty_ < give_back_.keep()) return;
    if (decommit(block)) dirty_ = 0;
  }

  bool decommit(Range block) noexcept {
    const Range run = whole_pages(block.after(least_block), grower_.page_size());
    if (run.empty() || grower_.decommit(run)) return false;
    list_.observer().decommitted(run);
    return true;
  }

  // Effects: ends a program that gives back what can be no block of this heap.
  void refuse_impossible(Range memory) const noexcept {
    if (memory.begin == nullptr || !is_aligned(memory.begin, granule)) refuse_misaligned(memory);
    if (memory.size > max_request || address_of(memory.begin) > UINTPTR_MAX - memory.size) {
      fatal(Text{} << "basalt: invalid free: the block " << memory.begin << " cannot have " << memory.size
                   << " bytes");
    }
    if constexpr (KnowsItsOwn<Grower>) {
      if (!grower_.owns(memory)) refuse_not_ours(memory);
    }
  }

  void count_growth(Range fresh) noexcept {
    stats_.grown_bytes += fresh.size;
    give_back_.grew(fresh.size);
    list_.observer().grew(fresh);
  }

  void add_live(std::size_t bytes) noexcept {
    stats_.live_bytes += bytes;
    stats_.peak_live_bytes = std::max(stats_.peak_live_bytes, stats_.live_bytes);
  }

  // Below so many bytes a copy is cheaper than moving pages by a system call.
  static constexpr std::size_t worth_moving = 64 * KiB;

  Grower grower_{};
  BlockList<Observer, Fit> list_{};
  GiveBack give_back_{};
  std::size_t dirty_ = 0;  // bytes freed since the last decommit
  HeapStats stats_{};      // the list's share of it is counted when asked for
};

}  // namespace basalt
