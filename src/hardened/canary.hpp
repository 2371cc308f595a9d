// A mark behind every block, by which a free sees that somebody wrote past its end.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/range.hpp"
#include "crimes.hpp"

namespace basalt::hardened {

// The mark begins with the very byte behind the last that was asked for, and is eight bytes long, or as long as there is room. It
// differs from block to block, and none of its bytes is 0: that is what programs write past an end most often.
class Canary {
 public:
  static constexpr std::size_t bytes = 8;

  [[gnu::always_inline]] static void set(void* p, std::size_t size, std::size_t slack,
                                         std::uint64_t key) noexcept {
    const Place place{p, size, slack};
    const std::uint64_t own = place.read() & ~(~std::uint64_t{0} << place.shift);
    const std::uint64_t word = own | mark(p, key) << place.shift;
    std::memcpy(place.word, &word, sizeof word);
  }

  // Errors: a mark that has changed ends the program.
  template <class Space>
  [[gnu::always_inline]] static void insist(const Space& space, void* p, std::size_t size, std::size_t slack,
                                            std::uint64_t key) noexcept {
    const Place place{p, size, slack};
    if ((place.read() ^ mark(p, key) << place.shift) >> place.shift != 0) [[unlikely]]
      refuse_overflow(space, p, size);
  }

 private:
  // A word of the block that ends with the mark, and begins with so many bits of the caller's: none, unless there is less room
  // than eight bytes. It is read as a whole in any case: whether there is cannot be foreseen, and a branch would be.
  // Requires: the block has sixteen bytes or more, and its end is that of its last word. The lowest byte comes first.
  struct Place {
    std::byte* word;
    unsigned shift;

    Place(void* p, std::size_t size, std::size_t slack) noexcept {
      const std::size_t missing = bytes - std::min(slack, bytes);
      word = static_cast<std::byte*>(p) + size - missing;
      shift = static_cast<unsigned>(8 * missing);
    }
    [[nodiscard]] std::uint64_t read() const noexcept {
      std::uint64_t found;
      std::memcpy(&found, word, sizeof found);
      return found;
    }
  };

  // Both halves of a product of two numbers that nobody knows, folded: so one mark that was read does not tell the key, by
  // which all others could be forged. It is no cryptography: who can read many marks, and has the time, may find it.
  [[nodiscard]] static std::uint64_t mark(const void* p, std::uint64_t key) noexcept {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(address_of(p) ^ key) * std::rotl(key, 32);
    return (static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64)) |
           0x0101'0101'0101'0101U;
  }
};

static_assert(std::endian::native == std::endian::little);

struct NoCanary {
  static constexpr std::size_t bytes = 0;
  static constexpr void set(void*, std::size_t, std::size_t, std::uint64_t) noexcept {}
  template <class Space>
  static constexpr void insist(const Space&, void*, std::size_t, std::size_t, std::uint64_t) noexcept {}
};

}  // namespace basalt::hardened
