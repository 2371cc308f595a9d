// The processor's own clock, for what takes too short to ask the system's.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace workload {

// Returns: the time in ticks. What stands before it has ended, what stands after it has not begun.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#elif defined(__aarch64__)
  std::uint64_t now = 0;
  asm volatile("isb; mrs %0, cntvct_el0; isb" : "=r"(now)::"memory");
  return now;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// How long a tick is, by the system's clock since this was made.
class Rate {
 public:
  [[nodiscard]] double nanoseconds() const {
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin_;
    return time.count() / static_cast<double>(ticks() - first_);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::uint64_t first_ = ticks();
};

}  // namespace workload
