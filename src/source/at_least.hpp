// Asks in larger portions.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// A system call for every page would make growth the dearest thing there is. This asks the grower inside for
// `Portion` bytes at a time; when so many cannot be had, for what is needed and no more.
template <HeapGrower Grower, std::size_t Portion>
class AtLeast : public Grower {
 public:
  using Grower::Grower;

  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (bytes == 0 || bytes >= Portion) return Grower::grow(bytes);
    const Result<Range> portion = Grower::grow(Portion);
    return portion.ok() ? portion : Grower::grow(bytes);
  }
};

}  // namespace basalt
