// How often a request gets a guarded slot, and how many of those there are: one word, so that it changes as a whole.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt::guard {

struct Sampling {
  static constexpr std::uint32_t usual_rate = 10'000;
  static constexpr std::uint32_t most_rate = 1'000'000'000;
  static constexpr std::uint32_t usual_slots = 64;
  static constexpr std::uint32_t most_slots = 4'096;
  static constexpr std::size_t off = 0;

  std::uint32_t rate = 0;  // one request in so many, on average; 0: none
  std::uint32_t slots = usual_slots;

  [[nodiscard]] static constexpr Sampling from(std::size_t word) noexcept {
    return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
  }
  [[nodiscard]] constexpr std::size_t word() const noexcept {
    return rate == 0 ? off : std::size_t{slots} << 32 | rate;
  }
  [[nodiscard]] constexpr bool valid() const noexcept {
    return rate == 0 || (rate <= most_rate && slots != 0 && slots <= most_slots);
  }
};

// Returns: how many requests from now the next one is to be guarded: 1 to 2 * rate - 1, each as likely, so `rate` on average
// and never the same for long.
[[nodiscard]] constexpr std::uint32_t next_countdown(std::uint32_t rate, std::uint64_t random) noexcept {
  return static_cast<std::uint32_t>(1 + random % (2 * std::uint64_t{rate} - 1));
}

}  // namespace basalt::guard
