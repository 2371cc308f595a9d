// When free memory goes back to the operating system.
#pragma once

#include <cstddef>

#include "../base/bits.hpp"

namespace basalt {

// Both figures together are the hysteresis: a program that frees and allocates round one level never pays for
// it, since `keep` bytes stay on the list, and no system call is made for less than `threshold` bytes.
//
// `threshold`  the smallest run of whole free pages, in bytes, that is worth a system call (and the split of
// a mapping) `keep`       free bytes that stay on the list for the next requests
template <std::size_t Threshold = 256 * KiB, std::size_t Keep = 1 * MiB>
struct GiveBackAbove {
  static constexpr std::size_t threshold = Threshold;
  static constexpr std::size_t keep = Keep;
};

// Memory that was grown once stays: the seed's way.
using GiveBackNever = GiveBackAbove<SIZE_MAX, SIZE_MAX>;

using GiveBackByDefault = GiveBackAbove<>;

}  // namespace basalt
