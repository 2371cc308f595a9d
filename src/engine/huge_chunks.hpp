// Huge blocks: chunks that one block has to itself, and those that nobody has at the moment.
//
// A block that is freed is kept for the next one that it fits, in a queue through the chunks, the one that was freed first
// in front: with the pages that it has, or without, when the system would not take the addresses back. Where it is longer than
// what is wanted next, the rest stays with it, spare, for whoever has all of it after that: a block that is cut and grown
// again pays a page fault for every page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "chunk_map.hpp"

namespace basalt::engine {

// Who has memory of the window: a block; nobody, though it is ours; or a stranger.
enum class Tenant : std::uint8_t { huge_block, vacant, stranger };

// Everything here requires the lock of the Space. A block is named by its first chunk.
template <AddressSpaceOs System>
class HugeChunks : public ChunkMap<System> {
  using Map = ChunkMap<System>;

 public:
  using Map::none;

  constexpr HugeChunks() noexcept = default;

  // Bytes in the hands of callers; kept, or spare; and of those, the bytes that may have pages.
  [[nodiscard]] std::size_t huge_bytes() const noexcept { return huge_bytes_; }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_bytes_; }
  [[nodiscard]] std::size_t kept_dirty_bytes() const noexcept { return kept_dirty_bytes_; }

 protected:
  // Returns: a block of at least `bytes`, which are whole pages, at a multiple of `alignment`; `none` if there is no memory.
  // Those that were freed are used again, or not.
  enum class Reuse : std::uint8_t { allowed, never };
  [[nodiscard]] std::size_t take_block(std::size_t bytes, std::size_t alignment,
                                       Reuse reuse = Reuse::allowed) noexcept {
    std::size_t c = reuse == Reuse::allowed ? take_kept(bytes, alignment) : none;
    const bool kept = c != none;
    if (!kept) c = map_block({chunks_for(bytes), bytes, std::max(alignment, chunk_bytes)});
    if (c == none) return none;
    this->chunk(c).zero = !kept;
    huge_bytes_ += this->chunk(c).huge_bytes;
    return c;
  }

  // Returns: who has this slice, in a chunk that is not sliced.
  [[nodiscard]] Tenant tenant_of_chunk(std::size_t chunk, std::size_t slice) const noexcept {
    if (this->use(chunk) == ChunkUse::absent) return Tenant::stranger;
    std::size_t first = chunk;
    while (this->use(first) != ChunkUse::huge) --first;
    const bool in_use = this->entry(first * slices_per_chunk) != 0;
    if ((slice - first * slices_per_chunk) * slice_bytes >= length(first)) return Tenant::stranger;
    return in_use ? Tenant::huge_block : Tenant::vacant;
  }

  // Effects: nobody has the block any more: its memory is kept, or goes back to the system.
  void keep_block(std::size_t c) noexcept {
    huge_bytes_ -= this->chunk(c).huge_bytes;
    spare(c, 0);
    keep(c, Kept::dirty);
  }
  void release_block(std::size_t c) noexcept {
    huge_bytes_ -= this->chunk(c).huge_bytes;
    spare(c, 0);
    release(c);
  }

  // Effects: nobody has the block any more, and nobody may touch it until many others have come here. Its pages are gone.
  void exile_block(std::size_t c) noexcept {
    huge_bytes_ -= this->chunk(c).huge_bytes;
    spare(c, 0);
    if (System::close({this->address(c * slices_per_chunk), this->chunk(c).huge_bytes})) return release(c);
    keep(c, Kept::clean);
    if (kept_count_ > most_exiled) release_first_kept();
  }

  // Effects: the block has `bytes` now, which are whole pages, where it is if the window is free behind it, else elsewhere;
  // nothing is copied. If no address of it may be another block's soon (`stays`), it can but become longer where it is.
  // Returns: the block now, or `none`, and then nothing has changed.
  [[nodiscard]] std::size_t resize_block(std::size_t c, std::size_t bytes, bool stays) noexcept {
    const std::size_t old = this->chunk(c).huge_bytes;
    const std::size_t all = length(c);
    const bool fits = bytes >= old && bytes <= all;
    if (stays && bytes < old) return none;
    const bool here = fits || resized_in_place(c, all, bytes);
    if (!here && stays) return none;
    const std::size_t to = here ? c : moved(c, all, bytes);
    if (to == none) return none;
    spare(c, fits ? all - bytes : 0);
    this->chunk(to).huge_bytes = bytes;
    huge_bytes_ += bytes - old;
    return to;
  }

  // Effects: gives kept blocks back, the first freed first, until at most `bytes` of them and of what is spare may have pages or
  // `but` blocks are left; then what is spare. What the system refuses is kept.
  void release_kept(std::size_t bytes, std::size_t but) noexcept {
    for (std::size_t n = kept_count_; n > but && kept_dirty_bytes_ > bytes; --n) release_first_kept();
    cut_spares(bytes);
  }

  // Effects: the same for all of them, those too that the system has refused before.
  void release_all_kept() noexcept {
    for (std::size_t n = kept_count_; n != 0; --n) release_first_kept();
    cut_spares(0);
  }

  [[nodiscard]] bool kept_rightly() const noexcept {
    std::size_t bytes = 0;
    std::size_t dirty = 0;
    std::size_t c = kept_first_;
    for (std::size_t n = kept_count_; n != 0; --n) {
      const Chunk& chunk = this->chunk(c);
      if (this->use(c) != ChunkUse::huge || chunk.kept == Kept::no || chunk.spare_bytes != 0) return false;
      bytes += chunk.huge_bytes;
      if (chunk.kept == Kept::dirty) dirty += chunk.huge_bytes;
      c = chunk.kept_next;
    }
    std::size_t spares = 0;
    each_with_spare([&](std::size_t, const Chunk& chunk) { spares += chunk.spare_bytes; });
    return spares == spare_bytes_ && bytes + spares == kept_bytes_ && dirty + spares == kept_dirty_bytes_;
  }

 private:
  static constexpr std::size_t most_exiled = 64;  // blocks

  [[nodiscard]] static std::size_t chunks_for(std::size_t bytes) noexcept {
    return align_up(bytes, chunk_bytes) / chunk_bytes;
  }

  // Returns: what is mapped of the block, with what is spare.
  [[nodiscard]] std::size_t length(std::size_t c) const noexcept {
    return this->chunk(c).huge_bytes + this->chunk(c).spare_bytes;
  }

  // A kept block, and the one in front of it in the queue: `none` if it is the first.
  struct Place {
    std::size_t c = none;
    std::size_t before = none;
  };

  // Returns: the kept block that is the least too long, else the longest of those too short, made as long as it should be: where
  // it is, or by moving its pages, if it has half of what is wanted. `none` if there is none that is at most four times too
  // long, or the system refuses.
  [[nodiscard]] std::size_t take_kept(std::size_t bytes, std::size_t alignment) noexcept {
    const Place place = best_kept(bytes, std::max(alignment, chunk_bytes));
    const std::size_t c = place.c;
    if (c == none) return none;
    const Kept state = this->chunk(c).kept;
    take_from_queue(place);
    const std::size_t all = length(c);
    if (all >= bytes && state == Kept::dirty) {
      spare(c, all - bytes);
      return c;
    }
    if (all == bytes) return c;
    if (resized_in_place(c, all, bytes)) {
      this->chunk(c).huge_bytes = bytes;
      return c;
    }
    const bool may_move = alignment <= chunk_bytes && all < bytes && all >= bytes / 2;
    const std::size_t to = may_move ? moved(c, all, bytes) : none;
    if (to == none) keep(c, state);
    return to;
  }

  // Effects: `bytes` of the block are spare now, and the others are not.
  void spare(std::size_t c, std::size_t bytes) noexcept {
    Chunk& chunk = this->chunk(c);
    const std::size_t change = bytes - chunk.spare_bytes;  // below zero: it wraps, and so do the sums
    chunk.huge_bytes -= change;
    chunk.spare_bytes = bytes;
    spare_bytes_ += change;
    kept_bytes_ += change;
    kept_dirty_bytes_ += change;
  }

  // Effects: gives back what is spare, until at most `bytes` of that and of the kept blocks may have pages. The length of the blocks
  // is not written to, not even for a moment: who has one reads it without a lock.
  void cut_spares(std::size_t bytes) noexcept {
    if (spare_bytes_ == 0) return;
    each_with_spare([&](std::size_t c, Chunk& chunk) {
      if (kept_dirty_bytes_ <= bytes || !resized_in_place(c, length(c), chunk.huge_bytes)) return;
      spare_bytes_ -= chunk.spare_bytes;
      kept_bytes_ -= chunk.spare_bytes;
      kept_dirty_bytes_ -= chunk.spare_bytes;
      chunk.spare_bytes = 0;
    });
  }

  template <class Visitor>
  void each_with_spare(Visitor&& visit) const noexcept {
    for (std::size_t c = 0; c < this->end(); ++c) {
      if (this->use(c) == ChunkUse::huge && this->chunk(c).spare_bytes != 0) visit(c, this->chunk(c));
    }
  }

  [[nodiscard]] Place best_kept(std::size_t bytes, std::size_t alignment) const noexcept {
    Place best;
    for (Place here{kept_first_, none}; here.c != none; here = {this->chunk(here.c).kept_next, here.c}) {
      if (length(here.c) / 4 > bytes || !is_aligned(this->address(here.c * slices_per_chunk), alignment))
        continue;
      const bool fits = length(here.c) >= bytes;
      const bool best_fits = best.c != none && length(best.c) >= bytes;
      const bool closer = best.c == none || (fits ? !best_fits || length(here.c) < length(best.c)
                                                  : !best_fits && length(here.c) > length(best.c));
      if (closer) best = here;
    }
    return best;
  }

  void keep(std::size_t c, Kept state) noexcept {
    Chunk& chunk = this->chunk(c);
    chunk.kept = state;
    chunk.kept_next = none;
    (kept_count_ == 0 ? kept_first_ : this->chunk(kept_last_).kept_next) = c;
    kept_last_ = c;
    count_kept(chunk, 1);
  }

  void take_from_queue(Place place) noexcept {
    const auto [c, before] = place;
    Chunk& chunk = this->chunk(c);
    (before == none ? kept_first_ : this->chunk(before).kept_next) = chunk.kept_next;
    if (kept_last_ == c) kept_last_ = before;
    count_kept(chunk, SIZE_MAX);
    chunk.kept = Kept::no;
  }

  // `sign` is 1, or SIZE_MAX for -1.
  void count_kept(const Chunk& chunk, std::size_t sign) noexcept {
    kept_count_ += sign;
    kept_bytes_ += sign * chunk.huge_bytes;
    if (chunk.kept == Kept::dirty) kept_dirty_bytes_ += sign * chunk.huge_bytes;
  }

  void release_first_kept() noexcept {
    const std::size_t c = kept_first_;
    const Kept state = this->chunk(c).kept;
    take_from_queue({c, none});
    release(c, state);
  }

  // Effects: the huge block's memory goes back to the system; if that cannot give up the addresses, they are kept.
  void release(std::size_t c, Kept state = Kept::dirty) noexcept {
    const Range memory{this->address(c * slices_per_chunk), length(c)};
    if (!System::unmap(memory)) return this->vacate(c, chunks_for(memory.size));
    keep(c, state == Kept::dirty && System::decommit(memory) ? Kept::dirty : Kept::clean);
  }

  // What is kept must never be why there is no memory.
  [[nodiscard]] std::size_t map_block(typename Map::Parcel parcel) noexcept {
    std::size_t c = this->place(parcel, ChunkUse::huge);
    if (c == none && kept_bytes_ != 0) {
      release_all_kept();
      c = this->place(parcel, ChunkUse::huge);
    }
    if (c != none) this->chunk(c).huge_bytes = parcel.bytes;
    return c;
  }

  [[nodiscard]] bool resized_in_place(std::size_t c, std::size_t old, std::size_t bytes) noexcept {
    const std::size_t had = chunks_for(old);
    const std::size_t needs = chunks_for(bytes);
    if (needs > had && !this->widen(c, had, needs - had)) return false;
    if (System::extend({this->address(c * slices_per_chunk), old}, bytes)) {
      if (needs > had) this->vacate(c + had, needs - had);
      return false;
    }
    if (needs < had) this->vacate(c + needs, had - needs);
    return true;
  }

  // All of the new place is mapped before anything moves there: remap_to would crush what a stranger has in the way.
  [[nodiscard]] std::size_t moved(std::size_t c, std::size_t old, std::size_t bytes) noexcept {
    const std::size_t to = map_block({chunks_for(bytes), bytes});
    if (to == none) return none;
    const Range from{this->address(c * slices_per_chunk), old};
    if (System::remap_to(from, this->address(to * slices_per_chunk), bytes)) {
      release(to);
      return none;
    }
    this->vacate(c, chunks_for(old));
    return to;
  }

  std::size_t huge_bytes_ = 0;
  std::size_t kept_first_ = none;
  std::size_t kept_last_ = none;
  std::size_t kept_count_ = 0;
  std::size_t spare_bytes_ = 0;       // behind blocks in use
  std::size_t kept_bytes_ = 0;        // that stay mapped for huge blocks to come, those that are spare too
  std::size_t kept_dirty_bytes_ = 0;  // of them, those that may have pages
};

}  // namespace basalt::engine
