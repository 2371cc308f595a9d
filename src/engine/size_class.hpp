// Which size of slot serves a request.
//
// Steps of 16 bytes up to 128, then eight steps to each doubling, up to 32 KiB: so no request wastes more than an eighth
// (of 128 or less: more than 15 bytes). Class 0 is for requests of no bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"

namespace basalt::engine {

inline constexpr std::size_t slot_step = 16;            // bytes: every slot size is a multiple of it
inline constexpr std::size_t largest_small = 32 * KiB;  // bytes: above it a request gets slices of its own
inline constexpr std::size_t slice_shift = 14;
inline constexpr std::size_t slice_bytes = std::size_t{1} << slice_shift;
inline constexpr std::size_t most_slots = 1024;  // of one span: the size of its bitmaps

inline constexpr unsigned fine_classes = 8;  // 16, 32, ... 128
inline constexpr unsigned doublings = 8;     // 128 .. 32 KiB
inline constexpr unsigned class_count = 1 + fine_classes + 8 * doublings;

using SizeClass = std::uint8_t;

// Returns: the bytes in a slot of class `c`; for class 0, what a slot takes up though none of it may be used.
[[nodiscard]] constexpr std::size_t slot_bytes(unsigned c) noexcept {
  if (c <= fine_classes) return c == 0 ? slot_step : c * slot_step;
  const unsigned step = (c - fine_classes - 1) % 8 + 1;
  const unsigned doubling = (c - fine_classes - 1) / 8;
  const std::size_t base = std::size_t{128} << doubling;
  return base + step * (base / 8);
}

static_assert(slot_bytes(class_count - 1) == largest_small);

// Returns: the bytes of such a slot that a caller may use.
[[nodiscard]] constexpr std::size_t usable_bytes(unsigned c) noexcept { return c == 0 ? 0 : slot_bytes(c); }

struct ClassTable {
  std::array<SizeClass, largest_small / slot_step + 1> of_steps{};  // by size in steps, rounded up
};

[[nodiscard]] constexpr ClassTable make_class_table() noexcept {
  ClassTable table;
  unsigned c = 0;
  for (std::size_t steps = 0; steps < table.of_steps.size(); ++steps) {
    if (steps != 0 && (c == 0 || steps * slot_step > slot_bytes(c))) ++c;
    table.of_steps[steps] = static_cast<SizeClass>(c);
  }
  return table;
}

inline constexpr ClassTable class_table = make_class_table();

// Returns: how many slices a span of class `c` has: few, but so that at least eight slots fit and what is left over at
// the end is at most a sixteenth; never more slots than a bitmap has bits.
[[nodiscard]] constexpr unsigned span_slices(unsigned c) noexcept {
  const std::size_t slot = slot_bytes(c);
  for (unsigned slices = 1; slices < 16; ++slices) {
    const std::size_t bytes = slices * slice_bytes;
    if (bytes / slot >= 8 && bytes % slot <= bytes / 16) return slices;
  }
  return 16;
}

static_assert([] {
  for (unsigned c = 0; c < class_count; ++c) {
    const std::size_t slots = span_slices(c) * slice_bytes / slot_bytes(c);
    if (slots < 8 || slots > most_slots) return false;
  }
  return true;
}());

}  // namespace basalt::engine
