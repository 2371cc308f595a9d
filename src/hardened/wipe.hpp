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
  static constexpr std::size_t few = 256;  // bytes: above, to call somebody who clears them takes less time

  // Effects: clears so many bytes, and perhaps what is left of their last 16.
  // Requires: p is a multiple of 16, and what lies behind is the block's own up to the next such multiple.
  static void wipe(void* p, std::size_t bytes) noexcept {
    bytes > few ? clear_bytes(p, bytes) : wipe_few(p, bytes);
  }
  // The same, without a call.
  [[gnu::always_inline]] static void wipe_few(void* p, std::size_t bytes) noexcept {
    auto* const pairs = static_cast<Pair*>(p);
    each_of((bytes + sizeof(Pair) - 1) / sizeof(Pair), [pairs](std::size_t i) { pairs[i] = Pair{}; });
  }

  // Errors: a slot in which not all is zero, as it was left, ends the program.
  // Requires: `bytes` is a multiple of 16, and not 0.
  template <class Space>
  [[gnu::always_inline]] static void insist(const Space& space, const void* p, std::size_t bytes) noexcept {
    const auto* const pairs = static_cast<const Pair*>(p);
    Pair any{};
    each_of(bytes / sizeof(Pair), [pairs, &any](std::size_t i) { any |= pairs[i]; });
    if ((any[0] | any[1]) != 0) [[unlikely]]
      convict(space, static_cast<const std::uint64_t*>(p), bytes);
  }

  // Returns: the first word that is not zero; nullptr if all are.  Requires: `bytes` is a multiple of 8.
  [[nodiscard]] static const std::uint64_t* first_written(const void* p, std::size_t bytes) noexcept {
    const auto* const words = static_cast<const std::uint64_t*>(p);
    for (std::size_t i = 0; i < bytes / sizeof *words; ++i) {
      if (words[i] != 0) return words + i;
    }
    return nullptr;
  }

 private:
  // What a processor reads or writes at once.
  using Pair [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;

  // Effects: calls visit(i) for every i below n, for some of them twice, and by steps of four: how often a loop goes round that
  // goes one by one cannot be foreseen.  Requires: n != 0.
  template <class Visit>
  [[gnu::always_inline]] static void each_of(std::size_t n, Visit&& visit) noexcept {
    if (n <= 4) {
      visit(0), visit((n - 1) / 2), visit(n / 2), visit(n - 1);
      return;
    }
    for (std::size_t i = 0; i + 4 < n; i += 4) visit(i), visit(i + 1), visit(i + 2), visit(i + 3);
    visit(n - 4), visit(n - 3), visit(n - 2), visit(n - 1);
  }

  template <class Space>
  [[noreturn, gnu::cold]] static void convict(const Space& space, const std::uint64_t* words,
                                              std::size_t bytes) noexcept {
    const std::uint64_t* const written = first_written(words, bytes);
    refuse_late_write(space, written, words, address_of(written) - address_of(words));
  }
};

struct NoWipe {
  static constexpr bool leaves_zero = false;
  static constexpr std::size_t few = SIZE_MAX;
  static constexpr void wipe(void*, std::size_t) noexcept {}
  static constexpr void wipe_few(void*, std::size_t) noexcept {}
  template <class Space>
  static constexpr void insist(const Space&, const void*, std::size_t) noexcept {}
};

}  // namespace basalt::hardened
