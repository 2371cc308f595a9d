// What is known of every block, beside the heap: whether it lives, who asked for it, and how long it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/origin.hpp"
#include "../base/range.hpp"
#include "../engine/chunk_map.hpp"
#include "../platform/entropy.hpp"
#include "../platform/os.hpp"

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

  static constexpr std::size_t unknown =
      0x1fff;  // bytes of slack, or more: how many has to be asked elsewhere

  [[nodiscard]] constexpr bool live() const noexcept { return bits_ != 0; }
  [[nodiscard]] constexpr Origin origin() const noexcept { return static_cast<Origin>((bits_ & 7) - 1); }
  [[nodiscard]] constexpr std::size_t slack() const noexcept { return bits_ >> 3; }

 private:
  std::uint16_t bits_ = 0;
};

// A table for each chunk, mapped when the first block of that chunk is handed out, and kept.
//
// Law: the record of a block is live from just before the block is handed out until a free of it begins; and no two frees can
// both have seen it live.
template <AddressSpaceOs System>
class Records {
 public:
  constexpr Records() noexcept = default;

  // Returns: whether there is a table for the slice; without memory for it there is none.
  [[nodiscard]] bool ready(std::size_t slice) noexcept {
    return chunks_[slice / engine::slices_per_chunk].load(std::memory_order_acquire) != nullptr ||
           add_table(slice);
  }

  // A table that is nobody's yet: for a block that is to move, since once it has moved there is no way back.
  // Returns: nullptr if there is no memory for it.
  [[nodiscard]] std::byte* take_spare() noexcept {
    if (Table* const spare = spare_.exchange(nullptr, std::memory_order_acq_rel))
      return reinterpret_cast<std::byte*>(spare);
    const Result<std::byte*> fresh = System::map(sizeof(Table));
    return fresh.ok() ? fresh.value : nullptr;
  }

  // Effects: ready(slice) is true; the spare serves for it if need be, and is kept for the next otherwise.
  void use_spare(std::size_t slice, std::byte* spare) noexcept {
    std::atomic<Table*>& place = chunks_[slice / engine::slices_per_chunk];
    keep_or_unmap(place.load(std::memory_order_relaxed) == nullptr ? place : spare_, spare);
  }
  void return_spare(std::byte* spare) noexcept { keep_or_unmap(spare_, spare); }

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
    Table& table = *table_of(slice);
    if (slack >= Record::unknown)
      table.slacks[slice % engine::slices_per_chunk] = static_cast<std::uint32_t>(slack);
    table.of(p).store(Record{origin, slack}, std::memory_order_relaxed);
  }

  // Effects: the block does not live any more.  Returns: what was known of it until now. Any thread; of two, one finds it live.
  [[nodiscard]] Record end(std::size_t slice, const void* p) noexcept {
    Table* const table = table_of(slice);
    return table == nullptr || !is_beginning(p) ? Record{}
                                                : table->of(p).exchange(Record{}, std::memory_order_relaxed);
  }

  [[nodiscard]] Record look(std::size_t slice, const void* p) const noexcept {
    Table* const table = table_of(slice);
    return table == nullptr || !is_beginning(p) ? Record{} : table->of(p).load(std::memory_order_relaxed);
  }

  // Returns: the slack of a block of which this is the record.
  [[nodiscard]] std::size_t slack(Record record, std::size_t slice) const noexcept {
    if (record.slack() != Record::unknown) [[likely]]
      return record.slack();
    return table_of(slice)->slacks[slice % engine::slices_per_chunk];
  }

  // Returns: what makes the marks of this process differ from those of others.  Requires: ready(slice) was true once.
  [[nodiscard]] std::uint64_t key() const noexcept { return key_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t grain = 16;  // bytes: every block begins at a multiple of it
  static constexpr std::size_t most_chunks = 1 << 15;

  struct Table {
    std::atomic<Record> records[engine::chunk_bytes / grain];
    std::uint32_t
        slacks[engine::slices_per_chunk];  // of blocks whose record is too short; by their first slice

    [[nodiscard]] std::atomic<Record>& of(const void* p) noexcept {
      return records[address_of(p) % engine::chunk_bytes / grain];
    }
  };

  [[nodiscard]] static bool is_beginning(const void* p) noexcept { return address_of(p) % grain == 0; }

  [[nodiscard]] Table* table_of(std::size_t slice) const noexcept {
    return chunks_[slice / engine::slices_per_chunk].load(std::memory_order_acquire);
  }

  [[nodiscard, gnu::cold]] bool add_table(std::size_t slice) noexcept {
    std::byte* const memory = take_spare();
    if (memory == nullptr) return table_of(slice) != nullptr;
    choose_key(memory);
    keep_or_unmap(chunks_[slice / engine::slices_per_chunk], memory);
    return true;
  }

  // Of several threads that map a table for the same place, one keeps it there. Zero bytes are records of free blocks.
  static void keep_or_unmap(std::atomic<Table*>& place, std::byte* memory) noexcept {
    Table* none = nullptr;
    if (!place.compare_exchange_strong(none, reinterpret_cast<Table*>(memory), std::memory_order_acq_rel,
                                       std::memory_order_acquire))
      (void)System::unmap({memory, align_up(sizeof(Table), System::page_size())});
  }

  void choose_key(const std::byte* somewhere) noexcept {
    std::uint64_t none = 0;
    const std::uint64_t key = mixed_bits(process_entropy() ^ address_of(somewhere)) | 1;
    (void)key_.compare_exchange_strong(none, key, std::memory_order_relaxed, std::memory_order_relaxed);
  }

  std::atomic<Table*> chunks_[most_chunks] = {};
  std::atomic<Table*> spare_{nullptr};  // one for a block that is being moved
  std::atomic<std::uint64_t> key_{0};
};

}  // namespace basalt::hardened
