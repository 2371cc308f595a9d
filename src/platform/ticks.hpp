// A clock that takes a few instructions to read.
#pragma once

#include <cstdint>

namespace basalt {

// Returns: what the processor has counted. The same for all processors of a machine, as far as Linux itself relies on it; how
// many there are in a second is found by comparing with another clock.
[[nodiscard]] inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t now;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
#error "basalt: ticks() is written for x86-64 and aarch64"
#endif
}

// How many of their lowest bits say too little to be kept: a tick is to last some nanoseconds at least.
#if defined(__x86_64__)
inline constexpr unsigned fine_tick_bits = 4;
#else
inline constexpr unsigned fine_tick_bits = 0;
#endif

}  // namespace basalt
