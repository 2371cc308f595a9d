// Address ranges that belong to one size class for good: no other class, and no large block, ever lies there.
//
//      chunk   | cell of class 7 | cell of class 3 | cell of class 7 |   nobody's yet   |
//
// A cell is as long as a span of its class. When the span is gone, the cell waits for the next one of that class.
#pragma once

#include <cstddef>

#include "size_class.hpp"
#include "slice_set.hpp"
#include "span.hpp"

namespace basalt::engine {

// Which chunks there are for cells: those of class 0 may not be touched, so they have some of their own.
enum class CellKind : std::uint8_t { untouchable, ordinary };

[[nodiscard]] constexpr CellKind cell_kind(SizeClass c) noexcept {
  return c == 0 ? CellKind::untouchable : CellKind::ordinary;
}

// Everything here requires the lock of the Space.
//
// Law: a cell is in here if and only if its slices are free; its descriptor, which nobody else uses then, is on the list of its class.
class Cells {
 public:
  // The chunk that new cells are cut from, and its first slice that is in no cell.
  struct Rest {
    std::size_t chunk = SIZE_MAX;
    unsigned next = slices_per_chunk;

    [[nodiscard]] bool holds(unsigned slices) const noexcept { return next + slices <= slices_per_chunk; }
  };

  // Returns: the first slice's descriptor of a cell that is free again; nullptr if there is none.
  [[nodiscard]] Span* take(SizeClass c) noexcept {
    Span* const cell = free_[c];
    if (cell != nullptr) free_[c] = cell->next;
    return cell;
  }

  void put(Span& cell) noexcept {
    cell.next = free_[cell.size_class];
    free_[cell.size_class] = &cell;
  }

  [[nodiscard]] Rest& rest(SizeClass c) noexcept { return rest_[static_cast<unsigned>(cell_kind(c))]; }

 private:
  Span* free_[class_count] = {};
  Rest rest_[2];
};

}  // namespace basalt::engine
