// The exponential distribution, as far as sampling needs it, without a mathematics library.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace basalt {

// Returns: the natural logarithm, with an error below 10^-12 of it.  Requires: x is normal and above 0.
//
// x = m * 2^e, and ln m = 2 artanh s for s = (m - 1) / (m + 1), which is below 0.18 here.
[[nodiscard]] constexpr double logarithm(double x) noexcept {
  constexpr double of_two = 0.693147180559945309417;
  constexpr unsigned mantissa_bits = 52;
  constexpr std::uint64_t mantissa_mask = (std::uint64_t{1} << mantissa_bits) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  double exponent = static_cast<double>(bits >> mantissa_bits) - 1023;
  auto mantissa = std::bit_cast<double>((bits & mantissa_mask) | std::bit_cast<std::uint64_t>(1.0));
  if (mantissa > 1.4142) {
    mantissa /= 2;
    exponent += 1;
  }
  const double s = (mantissa - 1) / (mantissa + 1);
  double sum = 0;
  for (int n = 17; n >= 1; n -= 2) sum = sum * s * s + 1.0 / n;
  return 2 * s * sum + exponent * of_two;
}

// Returns: 1 - e^-x, with an error below 10^-12 of it.  Requires: x >= 0.
//
// A short series where x is small; above that, twice as far each time: with d = 1 - e^-y, 1 - e^-2y = d (2 - d).
[[nodiscard]] constexpr double one_less_exponential(double x) noexcept {
  if (x > 40) return 1;
  unsigned halvings = 0;
  for (; x > 0.125; x /= 2) ++halvings;
  double d = 0;
  for (int n = 10; n >= 1; --n) d = x / n * (1 - d);
  for (; halvings != 0; --halvings) d *= 2 - d;
  return d;
}

// How far it is from one sample to the next: points fall on a line of bytes at random, one in `period` bytes on average, and
// what they fall on is sampled. So a request of n bytes is with the probability 1 - e^(-n / period), whatever came before.
//
// A period of 1 is every byte, and so every request that has one.

// Returns: how many bytes from here on the next point falls: 1 or more.
[[nodiscard]] constexpr std::uint64_t bytes_to_next_sample(std::size_t period,
                                                           std::uint64_t random) noexcept {
  if (period <= 1) return 1;
  constexpr double step = 1.0 / static_cast<double>(std::uint64_t{1} << 53);
  const double uniform = static_cast<double>((random >> 11) + 1) * step;  // above 0, up to 1
  const double bytes = -logarithm(uniform) * static_cast<double>(period);
  constexpr double most = 1e18;
  return 1 + static_cast<std::uint64_t>(std::clamp(bytes, 0.0, most));
}

// Returns: for how many requests of `size` bytes a sampled one stands.  Requires: size != 0.
[[nodiscard]] constexpr double requests_for_sample(std::size_t size, std::size_t period) noexcept {
  if (period <= 1) return 1;
  return 1 / one_less_exponential(static_cast<double>(size) / static_cast<double>(period));
}

}  // namespace basalt
