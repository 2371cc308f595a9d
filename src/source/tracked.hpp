// Remembers which addresses are ours.
#pragma once

#include <cstddef>

#include "../platform/bytes.hpp"
#include "../platform/os.hpp"
#include "heap_grower.hpp"

namespace basalt {

// A sorted table of the ranges that a grower gave and has not taken back, so that a pointer can be recognised
// as foreign before anybody looks at the memory it points to.
//
// The table lies in pages of its own, apart from the memory it tells of. Its law: ranges are sorted, disjoint and
// not adjacent (neighbours are one entry). It is never unmapped: a heap lives as long as its process.
template <HeapGrower Grower, Os System>
class Tracked : public Grower {
 public:
  using Grower::Grower;
  constexpr Tracked() noexcept = default;
  Tracked(const Tracked&) = delete;  // two tables for one grower would both be wrong
  Tracked& operator=(const Tracked&) = delete;

  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (const Error refused = make_room()) return Result<Range>::failure(refused);
    return noted(Grower::grow(bytes));
  }

  [[nodiscard]] Result<Range> extend(std::byte* end,
                                     std::size_t bytes) noexcept requires ExtendsInPlace<Grower> {
    if (const Error refused = make_room()) return Result<Range>::failure(refused);
    return noted(Grower::extend(end, bytes));
  }

  [[nodiscard]] Error give_back(Range range) noexcept requires GivesBack<Grower> {
    if (const Error refused = make_room()) return refused;
    const Error error = Grower::give_back(range);
    if (!error) erase(range);
    return error;
  }

  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires Remaps<Grower> {
    if (const Error refused = make_room()) return Result<Range>::failure(refused);
    const Result<Range> moved = Grower::remap(range, bytes);
    if (moved.ok()) erase(range);
    return noted(moved);
  }

  [[nodiscard]] bool owns(Range range) const noexcept {
    const std::size_t next = first_after(range.begin);
    return next != 0 && table_[next - 1].contains(range);
  }

  [[nodiscard]] std::size_t ranges() const noexcept { return count_; }
  [[nodiscard]] const Range& range(std::size_t index) const noexcept { return table_[index]; }

 private:
  // Returns: the index of the first range that begins above `place`.
  [[nodiscard]] std::size_t first_after(const std::byte* place) const noexcept {
    std::size_t low = 0;
    std::size_t high = count_;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (address_of(table_[middle].begin) <= address_of(place)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  [[nodiscard]] Result<Range> noted(Result<Range> growth) noexcept {
    if (growth.ok() && !growth.value.empty()) insert(growth.value);
    return growth;
  }

  void insert(Range range) noexcept {
    std::size_t at = first_after(range.begin);
    if (at != 0 && table_[at - 1].end() == range.begin) {
      range = {table_[at - 1].begin, table_[at - 1].size + range.size};
      remove_entry(--at);
    }
    if (at != count_ && range.end() == table_[at].begin) {
      table_[at] = {range.begin, range.size + table_[at].size};
    } else {
      insert_entry(at, range);
    }
  }

  // Requires: one entry contains the whole of `range`.
  void erase(Range range) noexcept {
    const std::size_t at = first_after(range.begin) - 1;
    const Range front = range_between(table_[at].begin, range.begin);
    const Range back = range_between(range.end(), table_[at].end());
    remove_entry(at);
    if (!back.empty()) insert_entry(at, back);
    if (!front.empty()) insert_entry(at, front);
  }

  void insert_entry(std::size_t at, Range range) noexcept {
    move_bytes(table_ + at + 1, table_ + at, (count_ - at) * sizeof(Range));
    table_[at] = range;
    ++count_;
  }

  void remove_entry(std::size_t at) noexcept {
    move_bytes(table_ + at, table_ + at + 1, (count_ - at - 1) * sizeof(Range));
    --count_;
  }

  // Effects: room for two entries more than are in use, which suffices for every operation above. It is made before
  // the grower is asked, so that nothing is ever obtained that cannot be written down.
  [[nodiscard]] Error make_room() noexcept {
    if (count_ + 2 <= capacity_) return no_error;
    const std::size_t bytes = capacity_ == 0 ? System::page_size() : 2 * capacity_bytes();
    const Result<std::byte*> larger =
        capacity_ == 0 ? System::map(bytes) : System::remap({as_bytes(), capacity_bytes()}, bytes);
    if (!larger.ok()) return larger.error;
    table_ = reinterpret_cast<Range*>(larger.value);
    capacity_ = bytes / sizeof(Range);
    return no_error;
  }

  [[nodiscard]] std::byte* as_bytes() noexcept { return reinterpret_cast<std::byte*>(table_); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept {
    return align_up(capacity_ * sizeof(Range), System::page_size());
  }

  Range* table_ = nullptr;
  std::size_t count_ = 0;     // ranges in the table
  std::size_t capacity_ = 0;  // ranges it has room for
};

}  // namespace basalt
