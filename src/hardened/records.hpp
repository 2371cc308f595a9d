// What is known of every block, beside the heap: whether it lives, who asked for it, and how long it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/origin.hpp"
#include "../base/published.hpp"
#include "../base/range.hpp"
#include "../engine/chunk_map.hpp"
#include "../platform/entropy.hpp"
#include "../platform/fenced.hpp"
#include "../platform/os.hpp"
#include "crimes.hpp"

namespace basalt::hardened {

// 16 bits for every 16 bytes of memory, of which those count that stand for the beginning of a block:
//
//      15           3 2    0
//     |    slack     | state |     state: 0 free, or 1 + the origin
//
// Slack is what the block has beyond what was asked for: at least 1 byte.
class Record {
 public:
  constexpr Record() noexcept = default;
  constexpr Record(Origin origin, std::size_t slack) noexcept
      : bits_{static_cast<std::uint16_t>((slack < unknown ? slack : unknown) << 3 |
                                         (1U + static_cast<unsigned>(origin)))} {}

  // Bytes of slack, or more: how many has to be asked elsewhere.
  static constexpr std::size_t unknown = 0x1fff;

  [[nodiscard]] constexpr bool live() const noexcept { return bits_ != 0; }
  [[nodiscard]] constexpr Origin origin() const noexcept { return static_cast<Origin>((bits_ & 7) - 1); }
  [[nodiscard]] constexpr bool goes_with(Origin given_back) const noexcept {
    if ((bits_ & 7) == 1U + static_cast<unsigned>(given_back)) [[likely]]
      return true;
    return go_together(origin(), given_back);
  }
  [[nodiscard]] constexpr std::size_t slack() const noexcept { return bits_ >> 3; }

 private:
  std::uint16_t bits_ = 0;
};

// Errors: where the block was not asked for by what goes with how it is given back, the program ends.
template <class Space>
[[gnu::always_inline]] inline void insist_on_origin(const Space& space, const void* p, Record record,
                                                    Origin given_back) noexcept {
  if (!record.goes_with(given_back)) [[unlikely]]
    refuse_origin(space, p, record.origin(), given_back);
}

// Where one record stands. Relaxed: who has the block next has it by the heap, and a free needs no more than that one finds it live.
template <class Atomics>
class RecordPlace {
 public:
  [[nodiscard]] Record look() const noexcept { return word_.load(std::memory_order_relaxed); }
  void begin(Record record) noexcept { word_.store(record, std::memory_order_relaxed); }

  // Effects: the block does not live any more.  Returns: what was known of it; of several threads, one finds it live.
  [[nodiscard]] Record end() noexcept { return word_.exchange(Record{}, std::memory_order_relaxed); }

 private:
  typename Atomics::template Atomic<Record> word_{Record{}};
};

// A table for each chunk, mapped when the first block of that chunk is handed out, and kept. A block that has chunks to itself needs
// but one record, and gets no table for it.
//
// Law: the record of a block is live from just before the block is handed out until a free of it begins; and no two frees can
// both have seen it live.
template <AddressSpaceOs System>
class Records {
 public:
  constexpr Records() noexcept = default;

  // Returns: whether there is room for records of the slice; without memory for it there is none. `sole`: of one block only.
  [[nodiscard]] bool ready(std::size_t slice, bool sole) noexcept {
    if (key() == 0) choose_key();
    return sole || table_of(slice) != nullptr || add_table(slice);
  }

  // Effects: the table takes up no memory where it tells of these slices.  Requires: no block is in them, nor will be meanwhile.
  void forget(std::size_t first, std::size_t count) noexcept {
    Table* const table = table_of(first);
    if (table == nullptr) return;
    constexpr std::size_t each = engine::slice_bytes / grain * sizeof(Record);
    auto* const begin =
        reinterpret_cast<std::byte*>(table->records) + first % engine::slices_per_chunk * each;
    const Range pages = whole_pages({begin, count * each}, System::page_size());
    if (!pages.empty()) (void)System::decommit(pages);  // what is refused stays as it is: zero
  }

  // Effects: the block at `p` lives.  Requires: ready(slice).
  void begin(std::size_t slice, const void* p, Origin origin, std::size_t slack) noexcept {
    if (slack >= Record::unknown) long_slack(slice, p) = slack;
    place_of(slice, p).begin(Record{origin, slack});
  }

  // Effects: as begin, if there is a table for the slice.  Returns: whether there is.  Requires: slack < Record::unknown.
  [[nodiscard, gnu::always_inline]] bool try_begin(std::size_t slice, const void* p, Origin origin,
                                                   std::size_t slack) noexcept {
    Table* const table = table_of(slice);
    if (table == nullptr) [[unlikely]]
      return false;
    table->of(p).begin(Record{origin, slack});
    return true;
  }

  // Effects: the block does not live any more.  Returns: what was known of it until now. Any thread; of two, one finds it live.
  [[nodiscard, gnu::always_inline]] Record end(std::size_t slice, const void* p) noexcept {
    return is_beginning(p) ? place_of(slice, p).end() : Record{};
  }

  [[nodiscard]] Record look(std::size_t slice, const void* p) const noexcept {
    return is_beginning(p) ? place_of(slice, p).look() : Record{};
  }

  // Returns: the slack of a block of which this is the record.
  [[nodiscard, gnu::always_inline]] std::size_t slack(Record record, std::size_t slice,
                                                      const void* p) const noexcept {
    if (record.slack() != Record::unknown) [[likely]]
      return record.slack();
    return long_slack(slice, p);
  }

  // Returns: how many bytes the records of so much memory have at most, its first and last page aside.
  [[nodiscard]] static constexpr std::size_t bytes_of(std::size_t memory) noexcept {
    return memory / grain * sizeof(Record);
  }

  // Effects: calls visit(range) for each table.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    for (const Published<Table*>& place : chunks_) {
      auto* const table = reinterpret_cast<std::byte*>(place.get());
      if (table != nullptr) visit(Range{table, align_up(sizeof(Table), System::page_size())});
    }
  }

  // Returns: what makes the marks of this process differ from those of others.  Requires: ready(slice) was true once.
  [[nodiscard]] std::uint64_t key() const noexcept { return key_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t grain = 16;  // bytes: every block begins at a multiple of it
  static constexpr std::size_t most_chunks = 1 << 15;

  struct Table {
    RecordPlace<StdAtomics> records[engine::chunk_bytes / grain];
    // Of blocks whose record is too short. They have more than 8 KiB of memory, so that none begins within 8 KiB of another one.
    std::size_t slacks[engine::chunk_bytes / (Record::unknown + 1)];

    [[nodiscard, gnu::always_inline]] RecordPlace<StdAtomics>& of(const void* p) noexcept {
      return records[address_of(p) % engine::chunk_bytes / grain];
    }
  };

  [[nodiscard]] static bool is_beginning(const void* p) noexcept { return address_of(p) % grain == 0; }

  [[nodiscard]] Table* table_of(std::size_t slice) const noexcept {
    return chunks_[slice / engine::slices_per_chunk].get();
  }

  // Where a chunk has no table: it has one block, or none.
  struct Sole {
    RecordPlace<StdAtomics> record;
    std::size_t slack = 0;
  };

  [[nodiscard, gnu::always_inline]] RecordPlace<StdAtomics>& place_of(std::size_t slice,
                                                                      const void* p) const noexcept {
    Table* const table = table_of(slice);
    if (table == nullptr) [[unlikely]]
      return soles_[slice / engine::slices_per_chunk].record;
    return table->of(p);
  }

  [[nodiscard]] std::size_t& long_slack(std::size_t slice, const void* p) const noexcept {
    Table* const table = table_of(slice);
    return table == nullptr ? soles_[slice / engine::slices_per_chunk].slack
                            : table->slacks[address_of(p) % engine::chunk_bytes / (Record::unknown + 1)];
  }

  // Of several threads that map a table for the same chunk, one keeps it there. Zero bytes are records of free blocks.
  [[nodiscard, gnu::cold]] bool add_table(std::size_t slice) noexcept {
    const Result<std::byte*> memory = Fenced<System>::map(sizeof(Table));
    if (!memory.ok()) return table_of(slice) != nullptr;
    auto* const mine = reinterpret_cast<Table*>(memory.value);
    if (chunks_[slice / engine::slices_per_chunk].offer(mine) != mine)
      Fenced<System>::unmap(memory.value, sizeof(Table));
    return true;
  }

  [[gnu::cold]] void choose_key() noexcept {
    std::uint64_t none = 0;
    const std::uint64_t key = mixed_bits(process_entropy() ^ address_of(this)) | 1;
    (void)key_.compare_exchange_strong(none, key, std::memory_order_relaxed, std::memory_order_relaxed);
  }

  Published<Table*> chunks_[most_chunks];
  mutable Sole soles_[most_chunks];
  std::atomic<std::uint64_t> key_{0};
};

}  // namespace basalt::hardened
