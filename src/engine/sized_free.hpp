// Whether a block can have had the size with which it is given back.
#pragma once

#include <cstddef>

#include "../base/origin.hpp"
#include "../base/range.hpp"
#include "crimes.hpp"
#include "short_path.hpp"
#include "size_class.hpp"

namespace basalt::engine {

// Returns: whether the block at `p`, which is given back as one of `origin`, can have been asked for with `size`: as a new one, at an
// alignment that `p` has, or as one that `reallocate` left in place. A small one of plain `new` was asked for without an alignment, and
// `realloc` is not for it: it has the class of its size.
[[nodiscard]] inline bool may_have_been(const void* p, std::size_t size, std::size_t usable,
                                        Origin origin) noexcept {
  if (size > usable) return false;
  const bool plain = origin == Origin::new_object || origin == Origin::new_array;
  if (plain && usable <= largest_small) return slot_for(size, slot_step) == usable;
  const bool left_in_place = usable - size <= usable / 4;
  const bool whole_slices = usable % slice_bytes == 0 && usable - size < slice_bytes;
  if (left_in_place || whole_slices) return true;
  if (size > largest_small) return false;
  for (std::size_t a = slot_step; a <= slice_bytes && address_of(p) % a == 0; a *= 2) {
    if (slot_for(size, a) == usable) return true;
  }
  return false;
}

}  // namespace basalt::engine
