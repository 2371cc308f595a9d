// When free memory goes back to the operating system.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../base/bits.hpp"

namespace basalt {

// A policy with a memory of one thing: whether it was sorry.
//
// `Threshold`  the smallest run of whole free pages, in bytes, that is worth a system call (and the split of a
//              mapping)
// `Keep`       free bytes that stay on the list for the next requests
//
// Both together are the hysteresis of a program that frees and allocates round one level: nothing goes before
// `Keep` and `Threshold` are exceeded. Where that is not enough (a list of fragments alone may exceed them), the
// heap grows again by what it has just given back; each time that happens, twice as much is kept. Two runs given
// back without a growth in between halve it again. So a loop costs a few system calls, not two in each round.
template <std::size_t Threshold = 256 * KiB, std::size_t Keep = 1 * MiB>
class GiveBackAbove {
 public:
  static constexpr std::size_t threshold = Threshold;

  // Free bytes that stay on the list now: never below `Keep`.
  [[nodiscard]] std::size_t keep() const noexcept { return keep_; }

  void gave_back(std::size_t bytes) noexcept {
    if (gone_ != 0) keep_ = std::max(Keep, keep_ / 2);
    gone_ += bytes;
  }

  void grew(std::size_t bytes) noexcept {
    if (gone_ >= bytes) keep_ = multiply_saturating(keep_, 2);
    gone_ = 0;
  }

 private:
  std::size_t keep_ = Keep;  // bytes
  std::size_t gone_ = 0;     // bytes given back since the last growth
};

// Memory that was grown once stays: the seed's way.
using GiveBackNever = GiveBackAbove<SIZE_MAX, SIZE_MAX>;

using GiveBackByDefault = GiveBackAbove<>;

}  // namespace basalt
