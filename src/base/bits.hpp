// Arithmetic on sizes and addresses that cannot wrap round.
//
// Sizes saturate: a sum, a product or a rounding that does not fit in std::size_t is SIZE_MAX. So a chain of
// such operations needs one test at its end: nothing that large can be allocated (see `max_request`).
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;
inline constexpr std::size_t GiB = 1024 * MiB;

// The largest size, in bytes, that any request may have: no object may exceed PTRDIFF_MAX.
inline constexpr std::size_t max_request = static_cast<std::size_t>(PTRDIFF_MAX);

[[nodiscard]] constexpr bool is_power_of_two(std::size_t value) noexcept {
  return value != 0 && (value & (value - 1)) == 0;
}

[[nodiscard]] constexpr std::size_t add_saturating(std::size_t a, std::size_t b) noexcept {
  std::size_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

[[nodiscard]] constexpr std::size_t multiply_saturating(std::size_t a, std::size_t b) noexcept {
  std::size_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

// Returns: the bit of number `n` in its word, of bits that lie in words of 64.
[[nodiscard]] constexpr std::uint64_t bit_of(unsigned n) noexcept { return std::uint64_t{1} << n % 64; }

// Requires: `alignment` is a power of two.
[[nodiscard]] constexpr std::size_t align_down(std::size_t value, std::size_t alignment) noexcept {
  return value & ~(alignment - 1);
}

// Requires: `alignment` is a power of two.  Returns: SIZE_MAX if the result does not fit.
[[nodiscard]] constexpr std::size_t align_up(std::size_t value, std::size_t alignment) noexcept {
  std::size_t sum = 0;
  return __builtin_add_overflow(value, alignment - 1, &sum) ? SIZE_MAX : align_down(sum, alignment);
}

[[nodiscard]] inline std::uintptr_t address_of(const void* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

// The same place, moved to an aligned address; keeps the pointer's provenance.
// Requires: `alignment` is a power of two.
[[nodiscard]] inline std::byte* align_down(std::byte* pointer, std::size_t alignment) noexcept {
  return pointer - (address_of(pointer) & (alignment - 1));
}

[[nodiscard]] inline std::byte* align_up(std::byte* pointer, std::size_t alignment) noexcept {
  return pointer + ((0 - address_of(pointer)) & (alignment - 1));
}

[[nodiscard]] inline bool is_aligned(const void* pointer, std::size_t alignment) noexcept {
  return (address_of(pointer) & (alignment - 1)) == 0;
}

}  // namespace basalt
