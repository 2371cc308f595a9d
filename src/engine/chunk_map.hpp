// The window: where chunks lie, what each is used for, and the tables that tell of them.
//
//      window   | chunk 0 | chunk 1 |   -   | chunk 3 |  ...        4 MiB each; user memory and nothing else
//      states   |   s *   |   s *   |   -   |   h *   |             what each chunk is used for, and where its Chunk is
//      map      |eeee eeee|eeee eeee|       |                       one entry for each slice
//
// The Chunk says which slices are free, and holds the descriptors of spans.
//
// Where the window is full, or others have mapped what is left of it, chunks are mapped anywhere: they have the numbers behind
// the last of the window, in the same tables, and are found by a slower path (see Outlying).
//
// Nothing of this lies in the window, and all of it between pages that may not be touched, so an overflow cannot reach it. The map is opened as chunks come, and each Chunk is
// mapped when it is needed, and then for good: so neither mlockall nor a limit on address space is charged for more than a
// few MiB that are not used.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "../base/bits.hpp"
#include "../base/published.hpp"
#include "../base/range.hpp"
#include "../platform/entropy.hpp"
#include "../platform/os.hpp"
#include "../platform/ticks.hpp"
#include "outlying.hpp"
#include "page_map.hpp"
#include "slice_set.hpp"
#include "span.hpp"

namespace basalt::engine {

inline constexpr std::size_t chunk_bytes = slices_per_chunk * slice_bytes;
inline constexpr std::size_t huge_page_bytes = 2 * MiB;

// Whether the chunk is the first of a huge block that was freed and stays mapped for the next one; `dirty`: it may have pages.
enum class Kept : std::uint8_t { no, clean, dirty };

// Law: a slice is in `free`, in `aside`, or in use; `dirty` says which of the free ones were written since they were last purged.
struct Chunk {
  SliceSet free;
  SliceSet dirty;
  SliceSet aside;           // neither free nor in use: walls, and what is in exile
  bool huge_pages = false;  // whether the system has been asked for them

  // In the first chunk of a huge block:
  Kept kept = Kept::no;
  bool zero = false;            // whether its memory was as the system gives it when it was handed out
  std::size_t huge_bytes = 0;   // what it has
  std::size_t spare_bytes = 0;  // what is mapped behind that
  std::size_t kept_next = 0;    // the chunk of the block that was kept after it

  // Most of these are never touched: what comes before them lies on the same page as the first.
  std::uint8_t back[slices_per_chunk] = {};  // from each slice in use, the distance to the first of its span
  Span spans[slices_per_chunk];
};

// absent   nothing of ours is mapped there
// sliced   handed out slice by slice
// huge     the first of a block that has chunks to itself
// rest     a later one of such a block
enum class ChunkUse : std::uint8_t { absent, sliced, huge, rest };

// One line of memory tells of four chunks.
struct ChunkState {
  Chunk* chunk = nullptr;  // once it has been used; for good
  ChunkUse use = ChunkUse::absent;
  std::uint8_t room =
      0;               // of a sliced one: no run of free slices is longer than this, where most_room is any
  bool cells = false;  // a sliced one with cells only, see cells.hpp: none of its slices is for anything else
};

inline constexpr std::uint8_t most_room = 255;

// A run of slices: the number of its first, in the window or behind it (see above), and how many.
struct Run {
  std::size_t first = 0;
  unsigned count = 0;  // 0: there is none
  bool zero = false;   // whether its memory is as the system gives it
};

template <AddressSpaceOs System>
class ChunkMap {
 public:
  static constexpr std::size_t none = SIZE_MAX;  // no chunk, no slice

  constexpr ChunkMap() noexcept = default;

  [[nodiscard]] bool laid_out() const noexcept { return slices_.get() != 0; }

  // Effects: lays the window out and maps its first chunk. The tables are kept if that fails: it is tried again with them.
  // Returns: the first chunk, or `none`.  Requires: !laid_out().
  [[nodiscard]] std::size_t lay_out() noexcept {
    if (states_ == nullptr && !have_tables()) return none;
    const std::size_t window = most_ * chunk_bytes;
    base_ = random_place(window, reinterpret_cast<std::byte*>(states_));
    const std::size_t first = place(one_chunk, ChunkUse::sliced, 1);
    if (first != none) return first;
    base_ = kernels_place(window);
    return base_ == 0 ? none : place(one_chunk, ChunkUse::sliced);
  }

  // Returns: what frees need to know. `slices` only grows; whoever keeps a copy asks again for slices beyond it.
  [[nodiscard]] Window window() const noexcept {
    const std::size_t slices = slices_.get();
    return slices == 0 ? Window{} : Window{base_, slices, entries_};
  }

  // What is to be placed: so many bytes at a multiple of `alignment`, which take up `count` chunks.
  struct Parcel {
    std::size_t count;
    std::size_t bytes;
    std::size_t alignment = chunk_bytes;
  };
  static constexpr Parcel one_chunk{1, chunk_bytes};

  // Returns: the slice in which p lies; `none` if it is not one that there has ever been. Any pointer may be asked for.
  [[nodiscard, gnu::always_inline]] std::size_t slice_of(const void* p) const noexcept {
    const Window window = this->window();
    const std::size_t slice = window.slice_of(p);
    return slice < window.slices ? slice : outlying_slice(address_of(p));
  }

  // Returns: 0 if p lies in no slice of a block.
  [[nodiscard]] MapEntry entry_of(const void* p) const noexcept {
    const std::size_t slice = slice_of(p);
    return slice == none ? 0 : entry(slice);
  }
  [[nodiscard]] MapEntry entry(std::size_t slice) const noexcept {
    return entries_[slice].load(std::memory_order_relaxed);
  }

  // Effects: maps the parcel at the lowest absent chunks of the window where the system lets us, in so many tries, or else
  // anywhere.  Returns: the first of them, or `none`.
  [[nodiscard]] std::size_t place(Parcel parcel, ChunkUse use, std::size_t tries = SIZE_MAX) noexcept {
    for (std::size_t c = first_absent(0, parcel); c != none && tries-- != 0;
         c = first_absent(c + 1, parcel)) {
      if (!open_tables(c, parcel.count) || !have_chunk(c)) return none;
      const Result<std::byte*> mapped = System::map_at(address(c * slices_per_chunk), parcel.bytes);
      if (mapped.ok()) {
        occupy(c, parcel.count, use);
        return c;
      }
      if (mapped.error.number != EEXIST) return none;
    }
    return laid_out() ? place_anywhere(parcel, use) : none;
  }

  // Effects: makes `count` chunks, whose memory is gone, absent again.
  void vacate(std::size_t first, std::size_t count) noexcept {
    for (std::size_t c = first; c < first + count; ++c) states_[c].use = ChunkUse::absent;
    if (first >= most_) outlying_.remove(first - most_, count);
  }

  // Effects: makes the `more` chunks behind it parts of the huge block at `first`.  Returns: whether they were absent.
  [[nodiscard]] bool widen(std::size_t first, std::size_t count, std::size_t more) noexcept {
    const std::size_t next = first + count;
    if (first >= most_ || first_absent(next, {more, more * chunk_bytes}) != next) return false;
    if (!open_tables(next, more)) return false;
    occupy(next, more, ChunkUse::rest);
    return true;
  }

  [[nodiscard]] std::size_t end() const noexcept { return end_; }
  [[nodiscard]] ChunkUse use(std::size_t chunk) const noexcept { return states_[chunk].use; }
  [[nodiscard]] std::uint8_t room(std::size_t chunk) const noexcept { return states_[chunk].room; }
  void set_room(std::size_t chunk, unsigned slices) noexcept {
    states_[chunk].room = static_cast<std::uint8_t>(slices);
  }
  [[nodiscard]] bool has_cells(std::size_t chunk) const noexcept { return states_[chunk].cells; }
  void set_cells(std::size_t chunk, bool cells) noexcept { states_[chunk].cells = cells; }
  [[nodiscard]] Chunk& chunk(std::size_t index) const noexcept { return *states_[index].chunk; }

  // Returns: the bytes of the tables, as far as they may be used, and of what describes the chunks.
  // Requires: the lock of the space.
  [[nodiscard]] std::size_t table_bytes() const noexcept { return table_bytes_ + outlying_.mapped_bytes(); }

  // Effects: calls visit(range) for each mapping of the tables and of what describes the chunks; parts of one may not be used yet.
  // Requires: the lock of the space.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    if (states_ == nullptr) return;
    visit(range_between(reinterpret_cast<std::byte*>(states_),
                        reinterpret_cast<std::byte*>(entries_ + 2 * most_ * slices_per_chunk)));
    for (std::size_t c = 0; c < end_; ++c) {
      if (states_[c].chunk != nullptr)
        visit(Range{reinterpret_cast<std::byte*>(states_[c].chunk), sizeof(Chunk)});
    }
    if (spare_ != nullptr) visit(Range{reinterpret_cast<std::byte*>(spare_), sizeof(Chunk)});
    outlying_.each_table(visit);
  }

  [[nodiscard]] Span& descriptor(std::size_t slice) const noexcept {
    return chunk_of(slice).spans[slice % slices_per_chunk];
  }

  // Returns: the descriptor that speaks for the span in which `slice` lies.
  [[nodiscard]] Span& span_of(std::size_t slice) const noexcept {
    auto& chunk = chunk_of(slice);
    const std::size_t place = slice % slices_per_chunk;
    return chunk.spans[place - chunk.back[place]];
  }

  void mark(Run run, MapEntry first, MapEntry rest) const noexcept {
    for (unsigned i = 0; i < run.count; ++i) {
      chunk_of(run.first).back[(run.first + i) % slices_per_chunk] = static_cast<std::uint8_t>(i);
      entries_[run.first + i].store(i == 0 ? first : rest, std::memory_order_relaxed);
    }
  }

  // Returns: whether the entry was `expected`, and is 0 now: of several that try, one.
  [[nodiscard]] bool claim(std::size_t slice, MapEntry expected) const noexcept {
    return take_entry(entries_[slice], expected);
  }

  [[nodiscard]] std::byte* address(std::size_t slice) const noexcept {
    const std::size_t chunk = slice / slices_per_chunk;
    if (chunk >= most_) [[unlikely]]
      return outlying_.address(chunk - most_) + slice % slices_per_chunk * slice_bytes;
    return reinterpret_cast<std::byte*>(base_ + (slice << slice_shift));
  }

 private:
  [[nodiscard]] std::size_t outlying_slice(std::uintptr_t address) const noexcept {
    const std::size_t index = outlying_.find(address);
    return index == none ? none : (most_ + index) * slices_per_chunk + address % chunk_bytes / slice_bytes;
  }

  [[nodiscard]] std::size_t place_anywhere(Parcel parcel, ChunkUse use) noexcept {
    const std::size_t c = first_number(parcel.count);
    if (c == none || !open_tables(c, parcel.count) || !have_chunk(c)) return none;
    const Range memory = mapped_at_multiple(parcel.bytes, std::max(parcel.alignment, chunk_bytes));
    if (memory.empty()) return none;
    if (!outlying_.add(c - most_, parcel.count, memory.begin)) {
      (void)System::unmap(memory);
      return none;
    }
    occupy(c, parcel.count, use);
    return c;
  }

  // What is mapped too much, for the sake of the alignment, goes back; if the system refuses, it is never touched.
  [[nodiscard]] static Range mapped_at_multiple(std::size_t bytes, std::size_t alignment) noexcept {
    const Result<std::byte*> mapped = System::map(bytes + alignment);
    if (!mapped.ok()) return {};
    std::byte* const begin = align_up(mapped.value, alignment);
    const Range before = range_between(mapped.value, begin);
    const Range behind = range_between(begin + bytes, mapped.value + bytes + alignment);
    if (!before.empty()) (void)System::unmap(before);
    if (!behind.empty()) (void)System::unmap(behind);
    return {begin, bytes};
  }

  // Returns: the first of so many numbers in a row that no chunk outside the window has; `none` if there are not as many.
  [[nodiscard]] std::size_t first_number(std::size_t count) const noexcept {
    std::size_t run = 0;
    for (std::size_t c = most_; c < 2 * most_; ++c) {
      run = use(c) == ChunkUse::absent ? run + 1 : 0;
      if (run == count) return c + 1 - count;
    }
    return none;
  }

  [[nodiscard]] Chunk& chunk_of(std::size_t slice) const noexcept {
    return *states_[slice / slices_per_chunk].chunk;
  }

  // A smaller window is better than none: a limit on address space may not leave room for the tables of the largest, nor for
  // much besides.
  [[nodiscard]] bool have_tables() noexcept {
    for (const std::size_t window : {64 * GiB, 8 * GiB, GiB, 256 * MiB}) {
      if (reserve_tables(window / chunk_bytes)) return true;
    }
    return false;
  }

  // As many chunks again may lie outside the window. The tables are to take up a quarter of the address space that there is, at
  // most: so four times as much is asked for.
  [[nodiscard]] bool reserve_tables(std::size_t chunks) noexcept {
    const std::size_t page = System::page_size();
    const std::size_t states_bytes = align_up(2 * chunks * sizeof(ChunkState), page);
    const std::size_t bytes = states_bytes + 2 * chunks * slices_per_chunk * sizeof(MapEntry);
    const std::size_t fenced = bytes + 2 * page;  // the first page and the last are never opened
    const Result<std::byte*> room = System::reserve(4 * bytes);
    if (!room.ok()) return false;
    (void)System::unmap({room.value + fenced, 4 * bytes - fenced});
    std::byte* const tables = room.value + page;
    if (System::open({tables, states_bytes})) {
      (void)System::unmap({room.value, fenced});
      return false;
    }
    most_ = chunks;
    table_bytes_ = states_bytes;
    states_ = reinterpret_cast<ChunkState*>(tables);
    entries_ = reinterpret_cast<std::atomic<MapEntry>*>(tables + states_bytes);
    states_[0] = {};  // read before it is written to, the page would fault twice
    return true;
  }

  // Returns: where the window begins: at random, in the lower half of what 47 bits can name, where nothing else lives;
  // above the 17 TiB that an AddressSanitizer loaded after us wants for its shadow. The place of the tables, which is random too, does
  // not decide alone: who sees a block must not be able to tell where they are.
  [[nodiscard]] static std::uintptr_t random_place(std::size_t window, const std::byte* random) noexcept {
    constexpr std::uintptr_t lowest = std::uintptr_t{17} << 40;
    constexpr std::uintptr_t choices = std::uintptr_t{1} << 45;
    const std::uintptr_t mixed = mixed_bits(address_of(random) ^ process_entropy() ^ mixed_bits(ticks()));
    return lowest + align_down(mixed % (choices - window), chunk_bytes);
  }

  // Returns: a window below the place where the kernel would put a chunk: for machines with fewer bits to an address, and
  // for sanitizers that keep the rest for themselves. 0 if there is no such place.
  [[nodiscard]] static std::uintptr_t kernels_place(std::size_t window) noexcept {
    const Result<std::byte*> probe = System::map(chunk_bytes);
    if (!probe.ok()) return 0;
    (void)System::unmap({probe.value, chunk_bytes});
    return align_down(address_of(probe.value) - window, chunk_bytes);
  }

  // Returns: the lowest chunk at `from` or above where absent ones begin that the parcel can have.
  [[nodiscard]] std::size_t first_absent(std::size_t from, Parcel parcel) const noexcept {
    std::size_t run = 0;
    for (std::size_t c = from; c < most_; ++c) {
      if (run == 0 && (base_ + c * chunk_bytes) % parcel.alignment != 0) continue;
      run = use(c) == ChunkUse::absent ? run + 1 : 0;
      if (run == parcel.count) return c + 1 - parcel.count;
    }
    return none;
  }

  void occupy(std::size_t first, std::size_t count, ChunkUse use) noexcept {
    if (states_[first].chunk == nullptr) states_[first].chunk = std::exchange(spare_, nullptr);
    const ChunkUse others = use == ChunkUse::huge ? ChunkUse::rest : use;
    for (std::size_t c = first; c < first + count; ++c) {
      states_[c].use = c == first ? use : others;
      states_[c].room = most_room;
    }
    const std::size_t end = first + count;
    end_ = std::max(end_, end);
    if (first < most_ && end * slices_per_chunk > slices_.known()) slices_.set(end * slices_per_chunk);
  }

  // Effects: makes sure that the map entries of `count` chunks can be written; those of all chunks before them, in the
  // window or out of it, too.
  [[nodiscard]] bool open_tables(std::size_t first, std::size_t count) noexcept {
    const bool inside = first < most_;
    std::size_t& opened_bytes = inside ? opened_bytes_ : opened_outside_;
    auto* const begin =
        reinterpret_cast<std::byte*>(entries_ + (inside ? 0 : most_ * slices_per_chunk)) + opened_bytes;
    auto* const end = reinterpret_cast<std::byte*>(entries_ + (first + count) * slices_per_chunk);
    if (end <= begin) return true;
    const Range more = range_between(begin, align_up(end, System::page_size()));
    if (System::open(more)) return false;
    opened_bytes += more.size;
    table_bytes_ += more.size;
    return true;
  }

  // Returns: whether there is what describes the chunk, or a spare one that it can have.
  [[nodiscard]] bool have_chunk(std::size_t c) noexcept {
    if (states_[c].chunk != nullptr || spare_ != nullptr) return true;
    const std::size_t bytes = align_up(sizeof(Chunk), System::page_size());
    if (unopened_.empty() && !reserve_chunks(bytes)) return false;
    const Range next{unopened_.begin, bytes};
    if (System::open(next)) return false;
    unopened_ = range_between(next.end(), unopened_.end());
    spare_ = reinterpret_cast<Chunk*>(next.begin);
    table_bytes_ += bytes;
    return true;
  }

  // Effects: there is room for some more of them, between two pages that are never opened.
  [[nodiscard]] bool reserve_chunks(std::size_t each) noexcept {
    const std::size_t page = System::page_size();
    for (const std::size_t count : {16U, 1U}) {
      const Result<std::byte*> room = System::reserve(count * each + 2 * page);
      if (room.ok()) return unopened_ = {room.value + page, count * each}, true;
    }
    return false;
  }

  Published<std::size_t> slices_;  // up to the highest chunk of the window that was ever used; published last
  Outlying<System> outlying_;
  std::uintptr_t base_ = 0;
  ChunkState* states_ = nullptr;
  std::atomic<MapEntry>* entries_ = nullptr;
  std::size_t end_ = 0;             // one past the highest chunk that was ever used
  std::size_t most_ = 0;            // chunks that fit into the window; the tables have room for twice as many
  std::size_t opened_bytes_ = 0;    // of the map, from its first entry on
  std::size_t opened_outside_ = 0;  // and from that of the first chunk outside the window
  std::size_t table_bytes_ = 0;     // of all tables, and of what describes chunks
  Chunk* spare_ = nullptr;          // of a chunk that could not be mapped
  Range unopened_;                  // where the next Chunks will lie
};

}  // namespace basalt::engine
