// What nobody outside of the process can foresee.
#pragma once

#include <cstdint>

namespace basalt {

// Returns: 64 bits that the kernel gave this program when it began (AT_RANDOM). Before this library is relocated they cannot be had: then
// what the clock and the place of the stack say, another number each time.
[[nodiscard]] std::uint64_t process_entropy() noexcept;

// Returns: a number that a forked child adds to what it has from its parent, another one in each: what it can know without a system
// call, its own number and the moment. Whoever knows the parent's numbers can guess it in some billion tries.
[[nodiscard]] std::uint64_t child_entropy() noexcept;

// Returns: a number that looks like none of its neighbours. (The finaliser of SplitMix64: Steele, Lea and Flood, OOPSLA 2014.)
[[nodiscard]] constexpr std::uint64_t mixed_bits(std::uint64_t word) noexcept {
  word = (word ^ word >> 30) * 0xbf58'476d'1ce4'e5b9U;
  word = (word ^ word >> 27) * 0x94d0'49bb'1331'11ebU;
  return word ^ word >> 31;
}

}  // namespace basalt
