// Which free block a request is cut from, and which part of it.
#pragma once

#include <cstddef>

#include "../base/layout.hpp"
#include "block_list.hpp"

namespace basalt {

// Returns: the highest place in `block` where `layout` fits, so that a block gives up its end and its header
// can stay where it is; empty if there is none. What is left on either side is nothing or can hold a header.
//
//      block    |<----- front ----->|<-- taken -->|<- back ->|
//                                   ^ aligned as the layout asks
//
// Requires: layout.size == block_size(layout.size); layout.alignment >= granule.
[[nodiscard]] inline Range cut_high(Range block, const Layout& layout) noexcept {
  if (layout.size > block.size) return {};
  const std::uintptr_t last = address_of(block.end()) - layout.size;
  std::uintptr_t begin = align_down(last + layout.offset, layout.alignment) - layout.offset;
  if (!can_remain(last - begin)) begin -= layout.alignment;  // a lone granule behind: the next place down
  if (begin < address_of(block.begin) || begin > last || !can_remain(begin - address_of(block.begin)))
    return {};
  return {block.begin + (begin - address_of(block.begin)), layout.size};
}

// Returns: the same, but the lowest such place: how fresh growth is cut, so that what is left stays in one
// piece.
[[nodiscard]] inline Range cut_low(Range block, const Layout& layout) noexcept {
  std::byte* begin = align_up(block.begin + layout.offset, layout.alignment) - layout.offset;
  if (!can_remain(static_cast<std::size_t>(begin - block.begin))) begin += layout.alignment;
  const std::size_t front = static_cast<std::size_t>(begin - block.begin);
  if (front > block.size || layout.size > block.size - front) return {};
  return can_remain(block.size - front - layout.size) ? Range{begin, layout.size} : Range{};
}

// A fit policy is a type with `choose`: from a list and a layout to a Choice. One that remembers places also has
// `place_moved`: see BlockList.

// Returns: the first choice from `from` up to, not including, `until`.
template <class List>
[[nodiscard]] Choice first_between(List& list, Link from, Link until, const Layout& layout) noexcept {
  for (Link link = from; link != until && link.block() != nullptr; link = link.next()) {
    list.observer().searched(link.block()->range());
    const Range taken = cut_high(link.block()->range(), layout);
    if (!taken.empty()) return {link, taken};
  }
  return {from, {}};
}

// The first block that is large enough: the seed's way.
struct FirstFit {
  template <class List>
  [[nodiscard]] Choice choose(List& list, const Layout& layout) noexcept {
    return first_between(list, list.head(), Link{}, layout);
  }
};

// The first block that is large enough, from where the last search ended and round once.
class NextFit {
 public:
  template <class List>
  [[nodiscard]] Choice choose(List& list, const Layout& layout) noexcept {
    const Link start = rover_.exists() ? rover_ : list.head();
    Choice choice = first_between(list, start, Link{}, layout);
    if (choice.taken.empty()) choice = first_between(list, list.head(), start, layout);
    if (!choice.taken.empty()) rover_ = choice.link;
    return choice;
  }

  void place_moved(Link from, Link to) noexcept {
    if (rover_ == from) rover_ = to;
  }

 private:
  Link rover_;  // where the next search begins
};

// The smallest block that is large enough; of equals the first. Always walks the whole list, but for an exact
// fit.
struct BestFit {
  template <class List>
  [[nodiscard]] Choice choose(List& list, const Layout& layout) noexcept {
    Choice best{list.head(), {}};
    std::size_t best_size = SIZE_MAX;
    for (Link link = list.head(); link.block() != nullptr; link = link.next()) {
      const Range block = link.block()->range();
      list.observer().searched(block);
      if (block.size >= best_size) continue;
      const Range taken = cut_high(block, layout);
      if (taken.empty()) continue;
      best = {link, taken};
      best_size = block.size;
      if (best_size == layout.size) break;
    }
    return best;
  }
};

}  // namespace basalt
