// The heap's memory: chunks, handed out slice by slice or whole.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "idle_bound.hpp"
#include "lock.hpp"
#include "slices.hpp"

namespace basalt::engine {

// Whoever needs only to look something up (`descriptor`, `span_of`, `window`) or to change an entry of the map that is its
// own (`mark`, `claim`) finds that in the ChunkMap, and needs no lock; what is here takes it, or says that it needs it.
//
// But for `huge_size` and `huge_was_zero`: whoever asks has the block, which was handed out under the lock before; and until it is
// given back or resized by the one who has it, nobody may write what they read.
template <AddressSpaceOs System>
class Space : public Slices<System> {
  using Map = ChunkMap<System>;

 public:
  using Map::none;
  using Slices<System>::policy;
  using Slices<System>::used_bytes;
  using Slices<System>::mapped_bytes;
  using Slices<System>::dirty_bytes;

  constexpr Space() noexcept = default;

  // Effects: lays the window out, once; every thread may call it at any time.  Returns: whether there is a window.
  [[nodiscard]] bool ready() noexcept {
    if (this->laid_out()) [[likely]]
      return true;
    Holding hold{lock_};
    return this->laid_out() || this->adopt_chunk(this->lay_out()) != none;
  }

  // Returns: `count` slices that lie side by side, at a multiple of `alignment` slices; none when there is no memory, or the
  // policy does not allow it.
  // Requires: count and alignment are at most slices_per_chunk; alignment is a power of two.
  [[nodiscard]] Run take(unsigned count, unsigned alignment = 1) noexcept {
    Holding hold{lock_};
    if (!policy.allows(count * slice_bytes, used_bytes())) return {};
    const Run run = this->take_anywhere(count, alignment);
    purge_beyond_bound();
    return run;
  }

  // Returns: slices for a span of class `c`; none as above. Those of class 0 may not be touched.
  [[nodiscard]] Run take_span(SizeClass c) noexcept {
    if (c != 0 && !policy.overlay.apart) return take(span_slices(c));
    Holding hold{lock_};
    if (!policy.allows(span_slices(c) * slice_bytes, used_bytes())) return {};
    const Run run = this->take_cell(c);
    purge_beyond_bound();
    return run;
  }

  // Returns: whether the `more` slices behind `run` were free, and are now in use.
  [[nodiscard]] bool extend(Run run, unsigned more) noexcept {
    Holding hold{lock_};
    return policy.allows(more * slice_bytes, used_bytes()) && this->take_behind(run, more);
  }

  // Effects: the slices are free again, and dirty. May purge.
  void give(Run run) noexcept {
    Holding hold{lock_};
    this->put_back(run);
    purge_beyond_bound();
  }

  // The same for those of a large block, whose addresses nobody is to have for a while if the overlay wants that.
  void give_large(Run run) noexcept {
    Holding hold{lock_};
    if (!policy.overlay.exile || !this->exile(run)) this->put_back(run);
    purge_beyond_bound();
  }

  // Returns: the first slice of a block of at least `bytes` that has chunks to itself, at a multiple of `alignment`
  // bytes, marked as huge; `none` if there is no memory.
  [[nodiscard]] std::size_t take_huge(std::size_t bytes, std::size_t alignment) noexcept {
    Holding hold{lock_};
    const std::size_t length = huge_length(bytes);
    if (!policy.allows(length, used_bytes())) return none;
    const std::size_t before = mapped_bytes();
    const auto reuse = policy.overlay.exile ? Space::Reuse::never : Space::Reuse::allowed;
    const std::size_t c = this->take_block(length, alignment, reuse);
    if (c == none) return none;
    this->bound_.note_fresh(mapped_bytes() - std::min(before, mapped_bytes()));
    if (this->chunk(c).zero) this->prefer_huge_pages(c);
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
    if (policy.overlay.exile) return this->exile_block(c);
    const std::size_t bytes = this->chunk(c).huge_bytes;
    const bool exceeds = exceeds_bound(bytes, used_bytes() - bytes);
    if (bytes > idle_bound(used_bytes() - bytes)) {
      this->release_block(c);
      return this->bound_.note({bytes, 0, 0});
    }
    this->keep_block(c);
    if (!exceeds) return;
    const std::size_t before = dirty_bytes();
    const std::size_t wanted = idle_bound();
    this->release_kept(beside_slices(wanted), 1);
    purge_slices_to(wanted);
    this->bound_.note({before, wanted, dirty_bytes()});
  }

  // Effects: the block has `bytes` now, where it is if the window is free behind it, else elsewhere; nothing is copied.
  // Returns: its first slice now, or `none`, and then nothing has changed.
  // Requires: whoever calls has claimed the map entry; the entry of the result is set.
  [[nodiscard]] std::size_t resize_huge(std::size_t slice, std::size_t bytes) noexcept {
    Holding hold{lock_};
    const std::size_t c = slice / slices_per_chunk;
    const std::size_t length = huge_length(bytes);
    const std::size_t old = this->chunk(c).huge_bytes;
    const bool allowed = length <= old || policy.allows(length - old, used_bytes());
    const std::size_t before = mapped_bytes();
    const std::size_t to = allowed ? this->resize_block(c, length, policy.overlay.exile) : none;
    this->bound_.note_fresh(mapped_bytes() - std::min(before, mapped_bytes()));
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
    this->bound_.cool();
    return before - dirty_bytes();
  }

  // For whoever walks, and for a fork: nothing changes while the lock is held.
  [[nodiscard]] Lock& lock() noexcept { return lock_; }

  // The following require the lock to be held.

  // Returns: the bytes that free memory may have in pages, as long as nothing else happens.
  [[nodiscard]] std::size_t idle_bound() const noexcept { return idle_bound(used_bytes()); }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() const noexcept {
    if (const char* const broken = this->broken_law_of_slices()) return broken;
    return this->kept_rightly() ? nullptr : "kept huge blocks are counted rightly";
  }

 private:
  // Where there are walls, nothing is mapped behind a huge block up to the end of its last chunk, and that is at least a page.
  [[nodiscard]] std::size_t huge_length(std::size_t bytes) const noexcept {
    const std::size_t length = align_up(bytes, System::page_size());
    return policy.overlay.walls && length % chunk_bytes == 0 ? length + System::page_size() : length;
  }

  [[nodiscard]] std::size_t idle_bound(std::size_t in_use) const noexcept {
    return std::min(this->bound_.bytes(policy.wish(in_use), in_use), policy.room(in_use));
  }

  // Returns: whether `more` dirty bytes are too much, after the bound has been given a chance to rise.
  [[nodiscard]] bool exceeds_bound(std::size_t more, std::size_t in_use) noexcept {
    if (dirty_bytes() + more <= idle_bound(in_use)) [[likely]]
      return false;
    this->bound_.judge();
    return dirty_bytes() + more > idle_bound(in_use);
  }

  // Returns: how many of `bytes` are left for kept huge blocks.
  [[nodiscard]] std::size_t beside_slices(std::size_t bytes) const noexcept {
    return bytes - std::min(bytes, this->dirty_slice_bytes());
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
    this->bound_.note({before, bytes, dirty_bytes()});
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
        if (this->use(c) == ChunkUse::sliced) this->purge_runs(c, least, grain);
      }
    }
  }

  Lock lock_;
};

}  // namespace basalt::engine
