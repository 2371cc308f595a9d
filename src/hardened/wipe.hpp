// Free memory is zero: nothing can be read from it that was in it, and what somebody writes to it stands out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/range.hpp"
#include "../platform/bytes.hpp"
#include "crimes.hpp"

namespace basalt::hardened {

// Law: a slot of a span that is not handed out is zero.
struct Wipe {
  static constexpr bool leaves_zero = true;

  // Effects: clears so many bytes, and perhaps what is left of their last 16.
  // Requires: p is a multiple of 16, and what lies behind is the block's own up to the next such multiple.
  static void wipe(void* p, std::size_t bytes) noexcept {
    if (bytes > few) return clear_bytes(p, bytes);
    auto* const words = static_cast<std::uint64_t*>(p);
    for (std::size_t i = 0; i * sizeof *words < bytes; i += 2) words[i] = words[i + 1] = 0;
  }

  // Errors: a slot in which not all is zero, as it was left, ends the program.
  // Requires: `bytes` is a multiple of 16.
  static void insist(const void* p, std::size_t bytes) noexcept {
    const auto* const words = static_cast<const std::uint64_t*>(p);
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < bytes / sizeof *words; i += 2) any |= words[i] | words[i + 1];
    if (any != 0) [[unlikely]]
      convict(words, bytes);
  }

 private:
  static constexpr std::size_t few = 128;  // bytes: below, to call somebody who clears them takes longer

  [[noreturn, gnu::cold]] static void convict(const std::uint64_t* words, std::size_t bytes) noexcept {
    std::size_t i = 0;
    while (i + 1 < bytes / sizeof *words && words[i] == 0) ++i;
    refuse_late_write(words + i, words, i * sizeof *words);
  }
};

struct NoWipe {
  static constexpr bool leaves_zero = false;
  static constexpr void wipe(void*, std::size_t) noexcept {}
  static constexpr void insist(const void*, std::size_t) noexcept {}
};

}  // namespace basalt::hardened
