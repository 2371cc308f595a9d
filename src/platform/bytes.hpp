// Copying and clearing that works from the first instruction of a process: see start.hpp.
//
// libc's memcpy and its kin are reached through a table that the dynamic linker fills in, and are chosen by
// resolvers of their own; before that has happened a loop must do. The empty statement in each loop keeps the
// compiler from recognising it and calling the very function that it stands in for.
#pragma once

#include <cstddef>
#include <cstring>

#include "start.hpp"

namespace basalt {

#if defined(__linux__)
[[nodiscard]] inline bool bytes_by_libc() noexcept { return libc_up(); }
#else
[[nodiscard]] constexpr bool bytes_by_libc() noexcept { return true; }
#endif

// Effects: as memset(to, 0, bytes).
inline void clear_bytes(void* to, std::size_t bytes) noexcept {
  if (bytes_by_libc()) [[likely]] {
    std::memset(to, 0, bytes);
    return;
  }
  auto* const begin = static_cast<std::byte*>(to);
  for (std::size_t i = 0; i != bytes; ++i) {
    begin[i] = std::byte{0};
    __asm__ volatile("" ::: "memory");
  }
}

// Effects: as memmove(to, from, bytes): the ranges may overlap.
inline void move_bytes(void* to, const void* from, std::size_t bytes) noexcept {
  if (bytes_by_libc()) [[likely]] {
    std::memmove(to, from, bytes);
    return;
  }
  auto* const target = static_cast<std::byte*>(to);
  const auto* const source = static_cast<const std::byte*>(from);
  const bool forwards = target < source;
  for (std::size_t i = 0; i != bytes; ++i) {
    const std::size_t at = forwards ? i : bytes - 1 - i;
    target[at] = source[at];
    __asm__ volatile("" ::: "memory");
  }
}

}  // namespace basalt
