// How much free memory keeps its pages.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../base/bits.hpp"

namespace basalt::engine {

// A free that lifts the dirty memory above the bound purges at once; there is no clock and no thread. So the bound holds in
// a program that does nothing at all any more. A program whose purged memory is wanted again before it has freed as much once
// more pays a page fault for every page of it: the bound doubles, for as long as that goes on.
//
// Everything here requires the lock of the Space.
class IdleBound {
 public:
  // Returns: the bytes that may stay dirty while so many are in use, where `wish` would be enough for a program that is idle.
  [[nodiscard]] std::size_t bytes(std::size_t wish, std::size_t in_use) const noexcept {
    const std::size_t warm = std::min(multiply_saturating(wish, std::size_t{1} << warmth_), most_by_warmth);
    const std::size_t stuck = stuck_ == 0 ? 0 : std::min(stuck_ + step, in_use);
    return std::max({wish, warm, stuck});
  }

  // Effects: so many bytes without pages were handed out.
  void note_fresh(std::size_t more) noexcept { fresh_ += more; }

  // Effects: judges the last purge, now that another is due.
  void judge() noexcept {
    if (purged_ == 0) return;
    if (fresh_ >= purged_ / 2) {
      warmth_ = std::min(warmth_ + 1, most_warmth);
    } else if (fresh_ < purged_ / 8 && warmth_ != 0) {
      warmth_ -= 1;
    }
    purged_ = 0;
  }

  // What a purge came to: dirty bytes before it, those that it meant to leave, and those that it left.
  struct Purge {
    std::size_t before;
    std::size_t wanted;
    std::size_t left;
  };

  void note(Purge purge) noexcept {
    purged_ = purge.before - purge.left;
    fresh_ = 0;
    stuck_ = purge.left > purge.wanted ? purge.left : 0;
  }

  // Effects: somebody has purged everything, and knows best.
  void cool() noexcept { *this = {}; }

 private:
  static constexpr std::size_t step =
      16 * MiB;  // to be freed more before what could not be purged is tried again
  static constexpr unsigned most_warmth = 3;
  static constexpr std::size_t most_by_warmth = 256 * MiB;

  std::size_t purged_ = 0;  // bytes, by the last purge; 0: it has been judged
  std::size_t fresh_ = 0;   // bytes handed out since then that had no pages
  std::size_t stuck_ = 0;   // bytes that were left when there was nothing more to purge
  unsigned warmth_ = 0;     // how often the bound is doubled
};

}  // namespace basalt::engine
