// The heap's address space: a window of chunks, which are handed out slice by slice.
//
//      window   | chunk 0 | chunk 1 |   -   | chunk 3 |  ...        4 MiB each; user memory and nothing else
//      uses     |    s    |    s    |   -   |    h    |             what each chunk is used for
//      map      |eeee eeee|eeee eeee|       |                       one entry for each slice
//      chunks   |  Chunk  |  Chunk  |       |                       one Chunk for each: what is free, and descriptors
//
// Map and descriptors lie in one reservation of their own, far from the window, and are opened as chunks come: so an
// overflow cannot reach them, and neither mlockall nor a limit on address space is charged for what is not used.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/os.hpp"
#include "lock.hpp"
#include "page_map.hpp"
#include "slice_set.hpp"
#include "span.hpp"

namespace basalt::engine {

inline constexpr std::size_t chunk_bytes = slices_per_chunk * slice_bytes;

// Law: a slice is in `free` or in use; `dirty` says which of the free ones were written since they were last purged.
struct Chunk {
  SliceSet free;
  SliceSet dirty;
  std::uint8_t back[slices_per_chunk] = {};  // from each slice in use, the distance to the first of its span
  Span spans[slices_per_chunk];
  std::size_t huge_bytes = 0;  // in the first chunk of a huge block: what is mapped of it
};

// absent   nothing of ours is mapped there
// sliced   handed out slice by slice
// huge     part of a block that has chunks to itself
enum class ChunkUse : std::uint8_t { absent, sliced, huge };

// A run of slices: its number in the window, and how many.
struct Run {
  std::size_t first = 0;
  unsigned count = 0;  // 0: there is none
};

template <AddressSpaceOs System>
class Space {
 public:
  static constexpr std::size_t none = SIZE_MAX;  // no slice

  constexpr Space() noexcept = default;

  // Effects: lays the window out, once; every thread may call it at any time.  Returns: whether there is a window.
  [[nodiscard]] bool ready() noexcept {
    return window_slices_.load(std::memory_order_acquire) != 0 || lay_out();
  }

  // Returns: what frees need to know. `slices` only grows; whoever keeps a copy asks again for slices beyond it.
  [[nodiscard]] Window window() const noexcept {
    return {base_, window_slices_.load(std::memory_order_acquire), entries_};
  }

  // Returns: `count` slices that lie side by side, at a multiple of `alignment` slices; none when there is no memory.
  // Requires: count and alignment are at most slices_per_chunk; alignment is a power of two.
  [[nodiscard]] Run take(unsigned count, unsigned alignment = 1) noexcept {
    Holding hold{lock_};
    for (std::size_t c = first_with_room_; c < chunks_; ++c) {
      if (uses_[c] != ChunkUse::sliced) continue;
      if (const Run run = take_from(c, count, alignment); run.count != 0) return run;
      if (count == 1 && c == first_with_room_) ++first_with_room_;
    }
    const std::size_t fresh = add_chunk();
    return fresh == no_chunk ? Run{} : take_from(fresh, count, alignment);
  }

  // Returns: whether the `more` slices behind `run` were free, and are now in use.
  [[nodiscard]] bool extend(Run run, unsigned more) noexcept {
    Holding hold{lock_};
    const auto first = static_cast<unsigned>((run.first + run.count) % slices_per_chunk);
    if (first == 0) return false;  // the run ends with its chunk
    const SliceSet& free = chunk_of(run.first).free;
    if (free.next_in(first) != first || free.next_out(first) < first + more) return false;
    use(run.first / slices_per_chunk, first, more);
    return true;
  }

  // Effects: the slices are free again, and dirty. May purge.
  void give(Run run) noexcept {
    Holding hold{lock_};
    const std::size_t c = run.first / slices_per_chunk;
    chunk_table_[c].free.add(run.first % slices_per_chunk, run.count);
    chunk_table_[c].dirty.add(run.first % slices_per_chunk, run.count);
    used_slices_ -= run.count;
    dirty_slices_ += run.count;
    if (c < first_with_room_) first_with_room_ = c;
    if (dirty_slices_ * slice_bytes > dirty_cap()) purge_to(dirty_cap() / 2);
  }

  // Returns: the first slice of a block of at least `bytes` that has chunks to itself, marked as huge; `none` if there is
  // no memory.  Requires: alignment is at most a chunk, or the block is placed at a multiple of more by asking for more.
  [[nodiscard]] std::size_t take_huge(std::size_t bytes) noexcept {
    Holding hold{lock_};
    const std::size_t mapped = align_up(bytes, System::page_size());
    const std::size_t c = place(chunks_for(mapped), mapped, ChunkUse::huge, SIZE_MAX);
    if (c == no_chunk) return none;
    chunk_table_[c].huge_bytes = mapped;
    huge_bytes_ += mapped;
    mark({c * slices_per_chunk, 1}, entry_for(Kind::huge), 0);
    return c * slices_per_chunk;
  }

  // Effects: the block's memory goes back to the system.
  // Requires: whoever calls has claimed the map entry.
  void give_huge(std::size_t slice) noexcept {
    Holding hold{lock_};
    Chunk& chunk = chunk_of(slice);
    const std::size_t bytes = chunk.huge_bytes;
    huge_bytes_ -= bytes;
    chunk.huge_bytes = 0;
    if (!System::unmap({address(slice), bytes})) {
      std::fill_n(uses_ + slice / slices_per_chunk, chunks_for(bytes), ChunkUse::absent);
    } else {
      (void)System::decommit({address(slice), bytes});  // the addresses are lost, the memory is not
    }
  }

  // Effects: the block has `bytes` now, where it is if the window is free behind it, else elsewhere; nothing is copied.
  // Returns: its first slice now, or `none`, and then nothing has changed.
  // Requires: whoever calls has claimed the map entry; the entry of the result is set.
  [[nodiscard]] std::size_t resize_huge(std::size_t slice, std::size_t bytes) noexcept {
    Holding hold{lock_};
    const std::size_t c = slice / slices_per_chunk;
    const std::size_t old = chunk_table_[c].huge_bytes;
    const std::size_t mapped = align_up(bytes, System::page_size());
    std::size_t to = resized_in_place(c, old, mapped) ? c : moved(c, old, mapped);
    if (to != no_chunk) {
      chunk_table_[to].huge_bytes = mapped;
      huge_bytes_ += mapped - old;
    }
    const std::size_t now = (to == no_chunk ? c : to) * slices_per_chunk;
    mark({now, 1}, entry_for(Kind::huge), 0);
    return to == no_chunk ? none : now;
  }

  [[nodiscard]] std::size_t huge_size(std::size_t slice) const noexcept {
    return chunk_table_[slice / slices_per_chunk].huge_bytes;
  }

  // Effects: gives all free memory back to the system; the addresses stay.  Returns: the bytes that went.
  std::size_t purge() noexcept {
    Holding hold{lock_};
    const std::size_t before = dirty_slices_;
    purge_to(0);
    return (before - dirty_slices_) * slice_bytes;
  }

  [[nodiscard]] Span& descriptor(std::size_t slice) noexcept {
    return chunk_of(slice).spans[slice % slices_per_chunk];
  }

  // Returns: the descriptor that speaks for the span in which `slice` lies.
  [[nodiscard]] Span& span_of(std::size_t slice) noexcept {
    return descriptor(slice - chunk_of(slice).back[slice % slices_per_chunk]);
  }

  void mark(Run run, MapEntry first, MapEntry rest) noexcept {
    for (unsigned i = 0; i < run.count; ++i) {
      chunk_of(run.first).back[(run.first + i) % slices_per_chunk] = static_cast<std::uint8_t>(i);
      entries_[run.first + i].store(i == 0 ? first : rest, std::memory_order_relaxed);
    }
  }

  // Returns: whether the entry was `expected`, and is 0 now: of several that try, one.
  [[nodiscard]] bool claim(std::size_t slice, MapEntry expected) noexcept {
    return entries_[slice].compare_exchange_strong(expected, 0, std::memory_order_acq_rel,
                                                   std::memory_order_relaxed);
  }

  [[nodiscard]] std::byte* address(std::size_t slice) const noexcept {
    return reinterpret_cast<std::byte*>(base_ + (slice << slice_shift));
  }

  // For whoever walks, and for a fork: nothing changes while the lock is held.
  [[nodiscard]] Lock& lock() noexcept { return lock_; }

  // The following require the lock to be held.

  // Returns: bytes that are mapped for blocks, and how many of those are handed out as slices or chunks.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept {
    return sliced_chunks_ * chunk_bytes + huge_bytes_;
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_slices_ * slice_bytes + huge_bytes_; }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() const noexcept {
    std::size_t free = 0;
    std::size_t dirty = 0;
    for (std::size_t c = 0; c < chunks_; ++c) {
      if (uses_[c] != ChunkUse::sliced) continue;
      const Chunk& chunk = chunk_table_[c];
      free += chunk.free.count();
      dirty += chunk.dirty.count();
      if ((chunk.free & chunk.dirty).count() != chunk.dirty.count()) return "only free slices are dirty";
    }
    if (free + used_slices_ != sliced_chunks_ * slices_per_chunk) return "every slice is free or in use";
    return dirty == dirty_slices_ ? nullptr : "dirty slices are counted rightly";
  }

  // Effects: calls `visit` with the descriptor of every span in use.
  template <class Visitor>
  void each_span(Visitor&& visit) noexcept {
    for (std::size_t c = 0; c < chunks_; ++c) {
      if (uses_[c] != ChunkUse::sliced) continue;
      for (std::size_t slice = c * slices_per_chunk; slice < (c + 1) * slices_per_chunk; ++slice) {
        const bool first = chunk_table_[c].back[slice % slices_per_chunk] == 0;
        if (first && is_span(entries_[slice].load(std::memory_order_relaxed))) visit(descriptor(slice));
      }
    }
  }

 private:
  static constexpr std::size_t no_chunk = SIZE_MAX;
  static constexpr std::size_t least_dirty_cap = 32 * MiB;

  [[nodiscard]] static std::size_t chunks_for(std::size_t bytes) noexcept {
    return align_up(bytes, chunk_bytes) / chunk_bytes;
  }

  [[nodiscard]] bool resized_in_place(std::size_t c, std::size_t old, std::size_t bytes) noexcept {
    const std::size_t had = chunks_for(old);
    const std::size_t needs = chunks_for(bytes);
    if (needs > had && (first_absent(c + had, needs - had) != c + had || !open_tables(c + had, needs - had)))
      return false;
    if (System::extend({address(c * slices_per_chunk), old}, bytes)) return false;
    if (needs > had) occupy(c + had, needs - had, ChunkUse::huge);
    if (needs < had) std::fill_n(uses_ + c + needs, had - needs, ChunkUse::absent);
    return true;
  }

  [[nodiscard]] std::size_t moved(std::size_t c, std::size_t old, std::size_t bytes) noexcept {
    const std::size_t to = place(chunks_for(bytes), System::page_size(), ChunkUse::huge, SIZE_MAX);
    if (to == no_chunk) return no_chunk;
    const Range from{address(c * slices_per_chunk), old};
    const bool failed = static_cast<bool>(System::remap_to(from, address(to * slices_per_chunk), bytes));
    std::fill_n(uses_ + (failed ? to : c), chunks_for(failed ? bytes : old), ChunkUse::absent);
    if (failed) (void)System::unmap({address(to * slices_per_chunk), System::page_size()});
    return failed ? no_chunk : to;
  }

  [[nodiscard]] Chunk& chunk_of(std::size_t slice) noexcept { return chunk_table_[slice / slices_per_chunk]; }

  // A smaller window is better than none: a limit on address space may not leave room for the tables of the largest.
  [[gnu::cold]] [[nodiscard]] bool lay_out() noexcept {
    Holding hold{lock_};
    if (window_slices_.load(std::memory_order_relaxed) != 0) return true;
    for (const std::size_t window : {64 * GiB, 8 * GiB, GiB, 256 * MiB}) {
      const std::size_t chunks = window / chunk_bytes;
      const std::size_t map_bytes = chunks * slices_per_chunk * sizeof(MapEntry);
      const std::size_t uses_bytes = align_up(chunks, System::page_size());
      const Result<std::byte*> tables = System::reserve(uses_bytes + map_bytes + chunks * sizeof(Chunk));
      if (!tables.ok() || System::open({tables.value, uses_bytes})) continue;
      most_chunks_ = chunks;
      uses_ = reinterpret_cast<ChunkUse*>(tables.value);
      entries_ = reinterpret_cast<std::atomic<MapEntry>*>(tables.value + uses_bytes);
      chunk_table_ = reinterpret_cast<Chunk*>(tables.value + uses_bytes + map_bytes);
      base_ = random_place(window, tables.value);
      if (add_chunk(Tries::one) == no_chunk) base_ = kernels_place(window);
      return chunks_ != 0 || add_chunk(Tries::many) != no_chunk;
    }
    return false;
  }

  // Returns: where the window begins: at random, in the lower half of what 47 bits can name, where nothing else lives.
  // The kernel has placed the tables at random already; their address is as good a die as any.
  [[nodiscard]] static std::uintptr_t random_place(std::size_t window, const std::byte* random) noexcept {
    constexpr std::uintptr_t lowest = std::uintptr_t{1} << 43;
    constexpr std::uintptr_t choices = std::uintptr_t{1} << 44;
    const std::uintptr_t mixed = (address_of(random) >> 12) * 0x9e37'79b9'7f4a'7c15U;
    return lowest + align_down(mixed % choices, window);
  }

  // Returns: a window below the place where the kernel would put a chunk: for machines with fewer bits to an address, and
  // for sanitizers that keep the rest for themselves.
  [[nodiscard]] static std::uintptr_t kernels_place(std::size_t window) noexcept {
    const Result<std::byte*> probe = System::map(chunk_bytes);
    if (!probe.ok()) return 0;
    (void)System::unmap({probe.value, chunk_bytes});
    return align_down(address_of(probe.value) - window, chunk_bytes);
  }

  enum class Tries : std::size_t { one = 1, many = SIZE_MAX };

  // Effects: maps one chunk more, at the lowest place that is free.  Returns: its number.
  [[nodiscard]] std::size_t add_chunk(Tries tries = Tries::many) noexcept {
    const std::size_t c = place(1, chunk_bytes, ChunkUse::sliced, static_cast<std::size_t>(tries));
    if (c == no_chunk) return c;
    chunk_table_[c].free.add(0, slices_per_chunk);
    sliced_chunks_ += 1;
    if (c < first_with_room_) first_with_room_ = c;
    return c;
  }

  // Effects: maps `bytes` at the lowest `count` absent chunks in a row where the system lets us.  Returns: the first.
  [[nodiscard]] std::size_t place(std::size_t count, std::size_t bytes, ChunkUse use,
                                  std::size_t tries) noexcept {
    for (std::size_t c = first_absent(0, count); c != no_chunk && tries-- != 0;
         c = first_absent(c + 1, count)) {
      if (!open_tables(c, count)) return no_chunk;
      const Result<std::byte*> mapped = System::map_at(address(c * slices_per_chunk), bytes);
      if (mapped.ok()) {
        occupy(c, count, use);
        return c;
      }
      if (mapped.error.number != EEXIST) return no_chunk;
    }
    return no_chunk;
  }

  // Returns: the lowest chunk at `from` or above with which `count` absent ones begin.
  [[nodiscard]] std::size_t first_absent(std::size_t from, std::size_t count) const noexcept {
    std::size_t run = 0;
    for (std::size_t c = from; c < most_chunks_; ++c) {
      run = uses_[c] == ChunkUse::absent ? run + 1 : 0;
      if (run == count) return c + 1 - count;
    }
    return no_chunk;
  }

  void occupy(std::size_t first, std::size_t count, ChunkUse use) noexcept {
    std::fill_n(uses_ + first, count, use);
    if (first + count > chunks_) {
      chunks_ = first + count;
      window_slices_.store(chunks_ * slices_per_chunk, std::memory_order_release);
    }
  }

  // Effects: makes sure that map entries and descriptors of `count` chunks can be written.
  [[nodiscard]] bool open_tables(std::size_t first, std::size_t count) noexcept {
    const std::size_t page = System::page_size();
    const auto open = [page](auto* begin, std::size_t number) noexcept {
      return !System::open(range_between(align_down(reinterpret_cast<std::byte*>(begin), page),
                                         align_up(reinterpret_cast<std::byte*>(begin + number), page)));
    };
    return open(entries_ + first * slices_per_chunk, count * slices_per_chunk) &&
           open(chunk_table_ + first, count);
  }

  [[nodiscard]] Run take_from(std::size_t c, unsigned count, unsigned alignment) noexcept {
    const unsigned first = chunk_table_[c].free.find_run(count, alignment);
    if (first == SliceSet::none) return {};
    use(c, first, count);
    return {c * slices_per_chunk + first, count};
  }

  void use(std::size_t c, unsigned first, unsigned count) noexcept {
    Chunk& chunk = chunk_table_[c];
    SliceSet taken;
    taken.add(first, count);
    dirty_slices_ -= (chunk.dirty & taken).count();
    chunk.free.remove(first, count);
    chunk.dirty.remove(first, count);
    used_slices_ += count;
  }

  [[nodiscard]] std::size_t dirty_cap() const noexcept {
    const std::size_t share = used_slices_ * slice_bytes / 8;
    return share > least_dirty_cap ? share : least_dirty_cap;
  }

  // Effects: purges, longest runs first, until no more than `bytes` are dirty.
  void purge_to(std::size_t bytes) noexcept {
    for (unsigned least = slices_per_chunk; least != 0; least /= 4) {
      for (std::size_t c = 0; c < chunks_ && dirty_slices_ * slice_bytes > bytes; ++c) {
        if (uses_[c] == ChunkUse::sliced) purge_runs(c, least);
      }
    }
  }

  void purge_runs(std::size_t c, unsigned least) noexcept {
    Chunk& chunk = chunk_table_[c];
    for (unsigned begin = chunk.dirty.next_in(0); begin < slices_per_chunk;) {
      const unsigned end = chunk.dirty.next_out(begin);
      if (end - begin >= least) purge_run(chunk, {c * slices_per_chunk + begin, end - begin});
      begin = chunk.dirty.next_in(end);
    }
  }

  // A refusal is absorbed: the slices stay dirty.
  void purge_run(Chunk& chunk, Run run) noexcept {
    if (System::decommit({address(run.first), run.count * slice_bytes})) return;
    chunk.dirty.remove(run.first % slices_per_chunk, run.count);
    dirty_slices_ -= run.count;
  }

  std::atomic<std::size_t> window_slices_{0};
  std::uintptr_t base_ = 0;
  ChunkUse* uses_ = nullptr;
  std::atomic<MapEntry>* entries_ = nullptr;
  Chunk* chunk_table_ = nullptr;
  std::size_t chunks_ = 0;       // one past the highest that was ever used
  std::size_t most_chunks_ = 0;  // that the tables have room for
  std::size_t first_with_room_ = 0;
  std::size_t used_slices_ = 0;
  std::size_t dirty_slices_ = 0;
  std::size_t huge_bytes_ = 0;
  std::size_t sliced_chunks_ = 0;
  Lock lock_;
};

}  // namespace basalt::engine
