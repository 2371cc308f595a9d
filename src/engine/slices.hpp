// Chunks that are handed out slice by slice: which slices are free, which of those are dirty, and who may have them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "cells.hpp"
#include "exile.hpp"
#include "huge_chunks.hpp"
#include "idle_bound.hpp"
#include "policy.hpp"
#include "walls.hpp"

namespace basalt::engine {

// Everything here requires the lock of the Space, but where something else is said.
template <AddressSpaceOs System>
class Slices : public HugeChunks<System> {
  using Map = ChunkMap<System>;

 public:
  using Map::none;

  constexpr Slices() noexcept = default;

  // Returns: how many chunks were ever mapped for slices: it changes when what there is did not suffice. Takes no lock.
  [[nodiscard]] std::size_t chunks_added() const noexcept {
    return chunks_added_.load(std::memory_order_relaxed);
  }

  Policy policy;

  // Returns: bytes that are mapped for blocks, and how many of those are handed out as slices or chunks.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept {
    return sliced_chunks_ * chunk_bytes + this->huge_bytes() + this->kept_bytes();
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept {
    return used_slices_ * slice_bytes + this->huge_bytes();
  }

  [[nodiscard]] std::size_t dirty_bytes() const noexcept {
    return dirty_slices_ * slice_bytes + this->kept_dirty_bytes();
  }

  // Effects: calls `visit` with the descriptor of every span in use.
  // Requires: the locks of all heaps as well. (Large blocks come and go without them: there, only the entry may be read.)
  template <class Visitor>
  void each_span(Visitor&& visit) const noexcept {
    for (std::size_t c = 0; c < this->end(); ++c) {
      if (this->use(c) != ChunkUse::sliced) continue;
      for (std::size_t slice = c * slices_per_chunk; slice < (c + 1) * slices_per_chunk; ++slice) {
        if (!is_span(this->entry(slice))) continue;
        if (this->chunk(c).back[slice % slices_per_chunk] == 0) visit(this->descriptor(slice));
      }
    }
  }

 protected:
  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law_of_slices() const noexcept {
    std::size_t free = 0;
    std::size_t dirty = 0;
    std::size_t aside = 0;
    for (std::size_t c = 0; c < this->end(); ++c) {
      if (this->use(c) != ChunkUse::sliced) continue;
      const Chunk& chunk = this->chunk(c);
      free += chunk.free.count();
      if (!this->has_cells(c) && this->room(c) != most_room &&
          chunk.free.find_run(this->room(c) + 1U, 1) != SliceSet::none)
        return "no chunk has more room than is said";
      dirty += chunk.dirty.count();
      aside += chunk.aside.count();
      if ((chunk.free & chunk.aside).count() != 0) return "no slice is free that is in exile or a wall";
      if ((chunk.free & chunk.dirty).count() != chunk.dirty.count()) return "only free slices are dirty";
    }
    if (free + used_slices_ + aside_slices_ != sliced_chunks_ * slices_per_chunk)
      return "every slice is free, in use, in exile or a wall";
    if (aside != aside_slices_) return "walls and slices in exile are counted rightly";
    if (dirty != dirty_slices_) return "dirty slices are counted rightly";
    return nullptr;
  }

  // Effects: the slices are free again, and dirty.
  void put_back(Run run) noexcept {
    const std::size_t c = run.first / slices_per_chunk;
    used_slices_ -= run.count;
    free_again(run);
    if (this->has_cells(c)) {
      cells_.put(this->descriptor(run.first));
      if (cell_kind(this->descriptor(run.first).size_class) == CellKind::untouchable) return;
    }
    this->chunk(c).dirty.add(run.first % slices_per_chunk, run.count);
    dirty_slices_ += run.count;
  }

  // Effects: the slices of a large block may not be touched from now on, and others that could not be are free again.
  // Returns: false if the system does not forbid it, and then nothing has changed.
  [[nodiscard]] bool exile(Run run) noexcept {
    if (System::close(memory_of(run))) return false;
    used_slices_ -= run.count;
    put_aside(run);
    const Run back = exiled_.admit(run);
    // What cannot be opened again stays where it is, for good.
    if (back.count == 0 || System::open(memory_of(back))) return true;
    aside_slices_ -= back.count;
    this->chunk(back.first / slices_per_chunk).aside.remove(back.first % slices_per_chunk, back.count);
    free_again(back);
    if (policy.overlay.gone != nullptr) policy.overlay.gone(policy.overlay.self, back.first, back.count);
    return true;
  }

  // Returns: whether the `more` slices behind `run` were free, and are now in use.
  [[nodiscard]] bool take_behind(Run run, unsigned more) noexcept {
    const auto first = static_cast<unsigned>((run.first + run.count) % slices_per_chunk);
    if (first == 0) return false;  // the run ends with its chunk
    const SliceSet& free = this->chunk(run.first / slices_per_chunk).free;
    if (free.next_in(first) != first || free.next_out(first) < first + more) return false;
    (void)hand_out(run.first / slices_per_chunk, first, more);
    return true;
  }

  // Effects: maps one chunk more, at the lowest place that is free.  Returns: its number, or `none`.
  [[nodiscard]] std::size_t add_chunk() noexcept {
    std::size_t c = this->place(Map::one_chunk, ChunkUse::sliced);
    if (c == none && this->kept_bytes() != 0) {
      this->release_all_kept();
      c = this->place(Map::one_chunk, ChunkUse::sliced);
    }
    return adopt_chunk(c);
  }

  // Effects: all slices of a new chunk are free.  Returns: the chunk.
  std::size_t adopt_chunk(std::size_t c) noexcept {
    if (c == none) return c;
    this->set_cells(c, false);
    this->chunk(c).free.add(0, slices_per_chunk);
    this->chunk(c).huge_bytes = chunk_bytes;
    prefer_huge_pages(c);
    sliced_chunks_ += 1;
    chunks_added_.fetch_add(1, std::memory_order_relaxed);
    if (policy.overlay.walls) (void)wall_off(c, slices_per_chunk - 1);
    if (c < first_with_room_) first_with_room_ = c;
    return c;
  }

  [[nodiscard]] Run take_anywhere(unsigned count, unsigned alignment) noexcept {
    for (std::size_t c = first_with_room_; c < this->end(); ++c) {
      if (this->use(c) != ChunkUse::sliced || this->has_cells(c)) continue;
      if (this->room(c) < std::min<unsigned>(count, most_room)) continue;
      if (const Run run = take_from(c, count, alignment); run.count != 0) return run;
      if (alignment == 1) this->set_room(c, count - 1);
      if (c == first_with_room_ && this->room(c) == 0) ++first_with_room_;
    }
    const std::size_t fresh = add_chunk();
    return fresh == none ? Run{} : take_from(fresh, count, alignment);
  }

  [[nodiscard]] Run take_cell(SizeClass c) noexcept {
    const unsigned count = span_slices(c);
    if (const Span* const cell = cells_.take(c)) {
      const std::size_t first = this->slice_of(cell->begin);
      return taken_from(first / slices_per_chunk, static_cast<unsigned>(first % slices_per_chunk), count);
    }
    Cells::Rest& rest = cells_.rest(c);
    if (!rest.holds(count + (policy.overlay.walls ? 1 : 0))) {
      const std::size_t fresh = add_chunk_of_cells(cell_kind(c));
      if (fresh == none) return {};
      rest = {fresh, 0};
    }
    const unsigned first = rest.next;
    rest.next += count;
    // The last slice of a chunk is a wall already, if it is one.
    if (policy.overlay.walls && c != 0 && rest.holds(2) && wall_off(rest.chunk, rest.next)) rest.next += 1;
    return taken_from(rest.chunk, first, count);
  }

  // Returns: a new chunk, no part of which is in use; `none` if there is no memory, or it cannot be made what it should be.
  [[nodiscard]] std::size_t add_chunk_of_cells(CellKind kind) noexcept {
    const std::size_t c = add_chunk();
    if (c == none) return none;
    const bool closed =
        kind != CellKind::untouchable || !System::close({this->address(c * slices_per_chunk), chunk_bytes});
    this->set_cells(c, closed);
    return closed ? c : none;
  }

  [[nodiscard]] Range memory_of(Run run) const noexcept {
    return {this->address(run.first), run.count * slice_bytes};
  }

  void free_again(Run run) noexcept {
    const std::size_t c = run.first / slices_per_chunk;
    this->chunk(c).free.add(run.first % slices_per_chunk, run.count);
    if (this->has_cells(c)) return;
    this->set_room(c, most_room);
    if (c < first_with_room_) first_with_room_ = c;
  }

  void put_aside(Run run) noexcept {
    this->chunk(run.first / slices_per_chunk).aside.add(run.first % slices_per_chunk, run.count);
    aside_slices_ += run.count;
  }

  // Effects: a free slice that was never used may not be touched, for good.  Returns: whether that could be had.
  [[nodiscard]] bool wall_off(std::size_t c, unsigned slice) noexcept {
    if (!walls_.raise({this->address(c * slices_per_chunk + slice), slice_bytes})) return false;
    this->chunk(c).free.remove(slice, 1);
    put_aside({c * slices_per_chunk + slice, 1});
    return true;
  }

  // A small program would only grow by them: in a large one, a page fault that fills 2 MiB is worth hundreds.
  void prefer_huge_pages(std::size_t c) noexcept {
    this->chunk(c).huge_pages = used_bytes() >= policy.huge_pages.load(std::memory_order_relaxed);
    if (this->chunk(c).huge_pages)
      System::prefer_huge_pages({this->address(c * slices_per_chunk), this->chunk(c).huge_bytes});
  }

  [[nodiscard]] Run take_from(std::size_t c, unsigned count, unsigned alignment) noexcept {
    const unsigned first = this->chunk(c).free.find_run(count, alignment);
    if (first == SliceSet::none) return {};
    return taken_from(c, first, count);
  }

  [[nodiscard]] Run taken_from(std::size_t c, unsigned first, unsigned count) noexcept {
    const bool zero = hand_out(c, first, count);
    return {c * slices_per_chunk + first, count, zero};
  }

  // Returns: whether none of the slices is dirty.
  [[nodiscard]] bool hand_out(std::size_t c, unsigned first, unsigned count) noexcept {
    Chunk& chunk = this->chunk(c);
    SliceSet taken;
    taken.add(first, count);
    const unsigned dirty = (chunk.dirty & taken).count();
    dirty_slices_ -= dirty;
    bound_.note_fresh((count - dirty) * slice_bytes);
    chunk.free.remove(first, count);
    chunk.dirty.remove(first, count);
    used_slices_ += count;
    return dirty == 0;
  }

  // Effects: purges what is dirty in runs of at least `least` slices, by `grain` bytes where there are huge pages.
  void purge_runs(std::size_t c, unsigned least, std::size_t grain) noexcept {
    const Chunk& chunk = this->chunk(c);
    const bool whole_huge_pages = chunk.huge_pages && grain == huge_page_bytes;
    if (!whole_huge_pages) grain = System::page_size();
    const SliceSet& runs = whole_huge_pages ? chunk.free : chunk.dirty;
    for (unsigned begin = runs.next_in(0); begin < slices_per_chunk;) {
      const unsigned end = runs.next_out(begin);
      if (end - begin >= least) purge_run(c, {begin, end - begin}, grain);
      begin = runs.next_in(end);
    }
  }

  // Where a page is larger than a slice, what shares one with a neighbour stays dirty. A refusal is absorbed likewise.
  void purge_run(std::size_t c, Run run, std::size_t grain) noexcept {
    Chunk& chunk = this->chunk(c);
    const std::size_t first = c * slices_per_chunk;
    const Range pages = whole_pages({this->address(first + run.first), run.count * slice_bytes}, grain);
    if (pages.empty()) return;
    SliceSet gone;
    gone.add(static_cast<unsigned>(this->slice_of(pages.begin) - first),
             static_cast<unsigned>(pages.size / slice_bytes));
    gone = gone & chunk.dirty;
    if (gone.count() == 0) return;
    if (policy.overlay.going != nullptr && this->has_cells(c)) look_over(first, gone);
    if (System::decommit(pages)) return;
    chunk.dirty.remove(gone);
    dirty_slices_ -= gone.count();
    if (policy.overlay.gone != nullptr) tell_what_is_gone(c, run);
  }

  // A slice more on both sides if nobody uses it: what is kept of slices has pages, and a wall would keep one of its neighbour's.
  void tell_what_is_gone(std::size_t c, Run run) noexcept {
    const Chunk& chunk = this->chunk(c);
    const auto unused = [&](unsigned slice) {
      return chunk.free.next_in(slice) == slice || chunk.aside.next_in(slice) == slice;
    };
    auto begin = static_cast<unsigned>(run.first);
    unsigned end = begin + run.count;
    if (begin != 0 && unused(begin - 1)) --begin;
    if (end != slices_per_chunk && unused(end)) ++end;
    policy.overlay.gone(policy.overlay.self, c * slices_per_chunk + begin, end - begin);
  }

  void look_over(std::size_t first, const SliceSet& gone) noexcept {
    for (unsigned begin = gone.next_in(0); begin < slices_per_chunk;) {
      const unsigned end = gone.next_out(begin);
      policy.overlay.going(policy.overlay.self, first + begin, end - begin);
      begin = gone.next_in(end);
    }
  }

  // Returns: the bytes that are dirty, of slices.
  [[nodiscard]] std::size_t dirty_slice_bytes() const noexcept { return dirty_slices_ * slice_bytes; }

  IdleBound bound_;

 private:
  std::size_t first_with_room_ = 0;
  std::size_t used_slices_ = 0;
  std::size_t dirty_slices_ = 0;
  std::size_t aside_slices_ = 0;  // walls, and in exile
  std::size_t sliced_chunks_ = 0;
  std::atomic<std::size_t> chunks_added_{0};
  Cells cells_;
  ExiledRuns exiled_;
  Walls<System> walls_;
};

}  // namespace basalt::engine
