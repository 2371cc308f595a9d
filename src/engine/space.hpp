// The heap's memory: chunks, handed out slice by slice or whole.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "huge_chunks.hpp"
#include "idle_bound.hpp"
#include "lock.hpp"
#include "policy.hpp"

namespace basalt::engine {

// Whoever needs only to look something up (`descriptor`, `span_of`, `window`) or to change an entry of the map that is its
// own (`mark`, `claim`) finds that in the ChunkMap, and needs no lock; everything here takes it.
template <AddressSpaceOs System>
class Space : public HugeChunks<System> {
  using Map = ChunkMap<System>;

 public:
  using Map::none;

  constexpr Space() noexcept = default;

  // Effects: lays the window out, once; every thread may call it at any time.  Returns: whether there is a window.
  [[nodiscard]] bool ready() noexcept {
    if (this->laid_out()) [[likely]]
      return true;
    Holding hold{lock_};
    return this->laid_out() || adopt_chunk(this->lay_out()) != none;
  }

  // Returns: how many chunks were ever mapped for slices: it changes when what there is did not suffice. Takes no lock.
  [[nodiscard]] std::size_t chunks_added() const noexcept {
    return chunks_added_.load(std::memory_order_relaxed);
  }

  Policy policy;

  // Returns: `count` slices that lie side by side, at a multiple of `alignment` slices; none when there is no memory, or the
  // policy does not allow it.
  // Requires: count and alignment are at most slices_per_chunk; alignment is a power of two.
  [[nodiscard]] Run take(unsigned count, unsigned alignment = 1) noexcept {
    Holding hold{lock_};
    if (!policy.allows(count * slice_bytes, used_bytes())) return {};
    const Run run = take_anywhere(count, alignment);
    purge_beyond_bound();
    return run;
  }

  // Returns: whether the `more` slices behind `run` were free, and are now in use.
  [[nodiscard]] bool extend(Run run, unsigned more) noexcept {
    Holding hold{lock_};
    const auto first = static_cast<unsigned>((run.first + run.count) % slices_per_chunk);
    if (first == 0) return false;  // the run ends with its chunk
    const SliceSet& free = this->chunk(run.first / slices_per_chunk).free;
    if (free.next_in(first) != first || free.next_out(first) < first + more) return false;
    if (!policy.allows(more * slice_bytes, used_bytes())) return false;
    (void)hand_out(run.first / slices_per_chunk, first, more);
    return true;
  }

  // Effects: the slices are free again, and dirty. May purge.
  void give(Run run) noexcept {
    Holding hold{lock_};
    const std::size_t c = run.first / slices_per_chunk;
    this->chunk(c).free.add(run.first % slices_per_chunk, run.count);
    this->set_room(c, most_room);
    this->chunk(c).dirty.add(run.first % slices_per_chunk, run.count);
    used_slices_ -= run.count;
    dirty_slices_ += run.count;
    if (c < first_with_room_) first_with_room_ = c;
    purge_beyond_bound();
  }

  // Returns: the first slice of a block of at least `bytes` that has chunks to itself, at a multiple of `alignment`
  // bytes, marked as huge; `none` if there is no memory.
  [[nodiscard]] std::size_t take_huge(std::size_t bytes, std::size_t alignment) noexcept {
    Holding hold{lock_};
    const std::size_t length = align_up(bytes, System::page_size());
    if (!policy.allows(length, used_bytes())) return none;
    const std::size_t before = mapped_bytes();
    const std::size_t c = this->take_block(length, alignment);
    if (c == none) return none;
    bound_.note_fresh(mapped_bytes() - std::min(before, mapped_bytes()));
    if (this->chunk(c).zero) prefer_huge_pages(c);
    purge_beyond_bound();
    this->mark({c * slices_per_chunk, 1}, entry_for(Kind::huge), 0);
    return c * slices_per_chunk;
  }

  // Effects: the block's memory is kept for the next one that it fits, within the bound on idle memory, or goes back to the
  // system.
  // Requires: whoever calls has claimed the map entry.
  void give_huge(std::size_t slice) noexcept {
    Holding hold{lock_};
    const std::size_t c = slice / slices_per_chunk;
    const std::size_t bytes = this->chunk(c).huge_bytes;
    const bool exceeds = exceeds_bound(bytes, used_bytes() - bytes);
    if (bytes > idle_bound(used_bytes() - bytes)) {
      this->release_block(c);
      return bound_.note({bytes, 0, 0});
    }
    this->keep_block(c);
    if (!exceeds) return;
    const std::size_t before = dirty_bytes();
    const std::size_t wanted = idle_bound();
    this->release_kept(beside_slices(wanted), 1);
    purge_slices_to(wanted);
    bound_.note({before, wanted, dirty_bytes()});
  }

  // Effects: the block has `bytes` now, where it is if the window is free behind it, else elsewhere; nothing is copied.
  // Returns: its first slice now, or `none`, and then nothing has changed.
  // Requires: whoever calls has claimed the map entry; the entry of the result is set.
  [[nodiscard]] std::size_t resize_huge(std::size_t slice, std::size_t bytes) noexcept {
    Holding hold{lock_};
    const std::size_t c = slice / slices_per_chunk;
    const std::size_t length = align_up(bytes, System::page_size());
    const std::size_t old = this->chunk(c).huge_bytes;
    const bool allowed = length <= old || policy.allows(length - old, used_bytes());
    const std::size_t before = mapped_bytes();
    const std::size_t to = allowed ? this->resize_block(c, length) : none;
    bound_.note_fresh(mapped_bytes() - std::min(before, mapped_bytes()));
    purge_beyond_bound();
    const std::size_t now = (to == none ? c : to) * slices_per_chunk;
    this->mark({now, 1}, entry_for(Kind::huge), 0);
    return to == none ? none : now;
  }

  [[nodiscard]] std::size_t huge_size(std::size_t slice) const noexcept {
    return this->chunk(slice / slices_per_chunk).huge_bytes;
  }

  // Returns: whether the block's memory was zero when it was taken.
  [[nodiscard]] bool huge_was_zero(std::size_t slice) const noexcept {
    return this->chunk(slice / slices_per_chunk).zero;
  }

  // Returns: who has a slice that has no entry in the map.
  [[nodiscard]] Tenant tenant(std::size_t slice) noexcept {
    Holding hold{lock_};
    const std::size_t c = slice / slices_per_chunk;
    return this->use(c) == ChunkUse::sliced ? Tenant::vacant : this->tenant_of_chunk(c, slice);
  }

  // Effects: gives all free memory back to the system; the addresses stay.  Returns: the bytes that went.
  std::size_t purge() noexcept {
    Holding hold{lock_};
    const std::size_t before = dirty_bytes();
    purge_to(0);
    bound_.cool();
    return before - dirty_bytes();
  }

  // For whoever walks, and for a fork: nothing changes while the lock is held.
  [[nodiscard]] Lock& lock() noexcept { return lock_; }

  // The following require the lock to be held.

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

  // Returns: the bytes that free memory may have in pages, as long as nothing else happens.
  [[nodiscard]] std::size_t idle_bound() const noexcept { return idle_bound(used_bytes()); }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() const noexcept {
    std::size_t free = 0;
    std::size_t dirty = 0;
    for (std::size_t c = 0; c < this->end(); ++c) {
      if (this->use(c) != ChunkUse::sliced) continue;
      const Chunk& chunk = this->chunk(c);
      free += chunk.free.count();
      if (this->room(c) != most_room && chunk.free.find_run(this->room(c) + 1U, 1) != SliceSet::none)
        return "no chunk has more room than is said";
      dirty += chunk.dirty.count();
      if ((chunk.free & chunk.dirty).count() != chunk.dirty.count()) return "only free slices are dirty";
    }
    if (free + used_slices_ != sliced_chunks_ * slices_per_chunk) return "every slice is free or in use";
    if (dirty != dirty_slices_) return "dirty slices are counted rightly";
    return this->kept_rightly() ? nullptr : "kept huge blocks are counted rightly";
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

 private:
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
    this->chunk(c).free.add(0, slices_per_chunk);
    this->chunk(c).huge_bytes = chunk_bytes;
    prefer_huge_pages(c);
    sliced_chunks_ += 1;
    chunks_added_.fetch_add(1, std::memory_order_relaxed);
    if (c < first_with_room_) first_with_room_ = c;
    return c;
  }

  [[nodiscard]] Run take_anywhere(unsigned count, unsigned alignment) noexcept {
    for (std::size_t c = first_with_room_; c < this->end(); ++c) {
      if (this->use(c) != ChunkUse::sliced || this->room(c) < std::min<unsigned>(count, most_room)) continue;
      if (const Run run = take_from(c, count, alignment); run.count != 0) return run;
      if (alignment == 1) this->set_room(c, count - 1);
      if (c == first_with_room_ && this->room(c) == 0) ++first_with_room_;
    }
    const std::size_t fresh = add_chunk();
    return fresh == none ? Run{} : take_from(fresh, count, alignment);
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

  [[nodiscard]] std::size_t idle_bound(std::size_t in_use) const noexcept {
    return std::min(bound_.bytes(policy.wish(in_use), in_use), policy.room(in_use));
  }

  // Returns: whether `more` dirty bytes are too much, after the bound has been given a chance to rise.
  [[nodiscard]] bool exceeds_bound(std::size_t more, std::size_t in_use) noexcept {
    if (dirty_bytes() + more <= idle_bound(in_use)) [[likely]]
      return false;
    bound_.judge();
    return dirty_bytes() + more > idle_bound(in_use);
  }

  // Returns: how many of `bytes` are left for kept huge blocks.
  [[nodiscard]] std::size_t beside_slices(std::size_t bytes) const noexcept {
    return bytes - std::min(bytes, dirty_slices_ * slice_bytes);
  }

  void purge_beyond_bound() noexcept {
    if (exceeds_bound(0, used_bytes())) [[unlikely]]
      purge_to(idle_bound() / 2);
  }

  // Effects: purges, longest runs first, until no more than `bytes` are dirty.
  void purge_to(std::size_t bytes) noexcept {
    const std::size_t before = dirty_bytes();
    if (bytes == 0) {
      this->release_all_kept();
    } else {
      this->release_kept(beside_slices(bytes), 0);
    }
    purge_slices_to(bytes);
    bound_.note({before, bytes, dirty_bytes()});
  }

  // A huge page that loses a part of itself falls into small ones, and every one of those is a fault when it is wanted again:
  // only who wants all memory to be purged pays that, and who has more of it idle than in use.
  void purge_slices_to(std::size_t bytes) noexcept {
    if (bytes == 0) return purge_slices_to(0, System::page_size());
    purge_slices_to(bytes, huge_page_bytes);
    const std::size_t bearable = std::min(used_bytes(), policy.room(used_bytes()));
    if (dirty_bytes() > std::max(bytes, bearable))
      purge_slices_to(std::max(bytes, bearable / 2), System::page_size());
  }

  void purge_slices_to(std::size_t bytes, std::size_t grain) noexcept {
    for (unsigned least = slices_per_chunk; least != 0; least /= 4) {
      for (std::size_t c = 0; c < this->end() && dirty_bytes() > bytes; ++c) {
        if (this->use(c) == ChunkUse::sliced) purge_runs(c, least, grain);
      }
    }
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
    if (gone.count() == 0 || System::decommit(pages)) return;
    chunk.dirty.remove(gone);
    dirty_slices_ -= gone.count();
    if (policy.overlay.gone != nullptr)
      policy.overlay.gone(policy.overlay.self, this->slice_of(pages.begin), pages.size / slice_bytes);
  }

  std::size_t first_with_room_ = 0;
  std::size_t used_slices_ = 0;
  std::size_t dirty_slices_ = 0;
  std::size_t sliced_chunks_ = 0;
  std::atomic<std::size_t> chunks_added_{0};
  IdleBound bound_;
  Lock lock_;
};

}  // namespace basalt::engine
