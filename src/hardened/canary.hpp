// A mark behind every block, by which a free sees that somebody wrote past its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/range.hpp"
#include "../platform/entropy.hpp"
#include "crimes.hpp"

namespace basalt::hardened {

// The mark begins with the very byte behind the last that was asked for, and is eight bytes long, or as long as there is room. It
// differs from block to block, and none of its bytes is 0: that is what programs write past an end most often.
class Canary {
 public:
  static constexpr std::size_t bytes = 8;

  static void set(void* p, std::size_t size, std::size_t slack, std::uint64_t key) noexcept {
    copy(static_cast<std::byte*>(p) + size, mark(p, key), slack);
  }

  // Errors: a mark that has changed ends the program.
  static void insist(const void* p, std::size_t size, std::size_t slack, std::uint64_t key) noexcept {
    const std::uint64_t wanted = mark(p, key);
    const auto* const place = static_cast<const std::byte*>(p) + size;
    std::uint64_t found = wanted;
    if (slack >= bytes) [[likely]] {
      std::memcpy(&found, place, bytes);
    } else {
      for (std::size_t i = 0; i < slack; ++i) reinterpret_cast<std::byte*>(&found)[i] = place[i];
    }
    if (found != wanted) [[unlikely]]
      refuse_overflow(p, size);
  }

 private:
  [[nodiscard]] static std::uint64_t mark(const void* p, std::uint64_t key) noexcept {
    return (address_of(p) * 0x9e37'79b9'7f4a'7c15U ^ key) | 0x0101'0101'0101'0101U;
  }

  static void copy(std::byte* to, std::uint64_t word, std::size_t room) noexcept {
    if (room >= bytes) [[likely]] {
      std::memcpy(to, &word, bytes);
      return;
    }
    for (std::size_t i = 0; i < room; ++i) to[i] = reinterpret_cast<const std::byte*>(&word)[i];
  }
};

struct NoCanary {
  static constexpr std::size_t bytes = 0;
  static constexpr void set(void*, std::size_t, std::size_t, std::uint64_t) noexcept {}
  static constexpr void insist(const void*, std::size_t, std::size_t, std::uint64_t) noexcept {}
};

}  // namespace basalt::hardened
