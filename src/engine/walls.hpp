// Memory that may not be touched, for good.
#pragma once

#include <cstddef>

#include "../base/range.hpp"
#include "../platform/fatal.hpp"
#include "../platform/os.hpp"
#include "page_map.hpp"

namespace basalt::engine {

// Where the system has guards that are no mappings of their own, there is no bound on them. Elsewhere each takes two of the
// mappings that a process may have: so there are not more than a budget of them, and it is said when that is used up.
//
// Everything here requires the lock of the Space.
template <AddressSpaceOs System>
class Walls {
 public:
  // Returns: whether the range may not be touched from now on.  Requires: nothing was ever in it.
  [[nodiscard]] bool raise(Range range) noexcept {
    if (!is_aligned(range.begin, System::page_size()) || range.size % System::page_size() != 0) return false;
    if (guards_ && !System::guard(range)) return true;
    guards_ = false;
    if (mappings_ == budget) return exhausted();
    if (System::close(range)) return false;
    mappings_ += 1;
    return true;
  }

 private:
  static constexpr std::size_t budget = 8'192;  // walls that are mappings

  [[gnu::cold]] bool exhausted() noexcept {
    if (!said_)
      warn(Text{} << "basalt: " << budget << " guards are mappings of their own, and there will be no more: "
                  << "spans to come lie side by side. Linux 6.13 has guards that cost none");
    said_ = true;
    return false;
  }

  std::size_t mappings_ = 0;
  bool guards_ = true;  // the system has not refused one yet
  bool said_ = false;
};

}  // namespace basalt::engine
