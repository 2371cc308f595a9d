// A grower that belongs to somebody else.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// Passes everything on to a grower elsewhere: for several heaps over one well, and for a heap that lies in the memory
// of its own well (see MemoryFile). It has the duties of that grower, no more.
template <HeapGrower Grower>
class Borrowed {
 public:
  // Requires: the grower outlives this.
  explicit constexpr Borrowed(Grower& grower) noexcept : grower_{&grower} {}

  [[nodiscard]] std::size_t page_size() const noexcept { return grower_->page_size(); }
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept { return grower_->grow(bytes); }

  [[nodiscard]] Result<Range> extend(std::byte* end,
                                     std::size_t bytes) noexcept requires ExtendsInPlace<Grower> {
    return grower_->extend(end, bytes);
  }
  [[nodiscard]] Error give_back(Range range) noexcept requires GivesBack<Grower> {
    return grower_->give_back(range);
  }
  [[nodiscard]] Error decommit(Range range) noexcept requires Decommits<Grower> {
    return grower_->decommit(range);
  }
  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires Remaps<Grower> {
    return grower_->remap(range, bytes);
  }
  [[nodiscard]] bool owns(Range range) const noexcept requires KnowsItsOwn<Grower> {
    return grower_->owns(range);
  }

 private:
  Grower* grower_;
};

}  // namespace basalt
