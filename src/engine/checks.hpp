// What an engine looks at when blocks come back: a type, so that a build without it can be measured against.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/compiler.hpp"
#include "crimes.hpp"
#include "span.hpp"

namespace basalt::engine {

// The checks of the library that ships. Where they find something, they end the program.
struct Checks {
  static constexpr bool newest = true;  // a block is compared with the two that came last: see Bin::push

  // Returns: the number of the slot that begins at `block`.  Errors: none does.
  [[nodiscard, gnu::always_inline]] static unsigned slot(const Span& span, const std::byte* block) noexcept {
    return checked_slot(span, block);
  }

  // Effects: sets the bit of `slot` in its word of a bitmap.  Errors: it is set already.
  [[gnu::always_inline]] static void add(std::uint64_t& word, const Span& span, unsigned slot) noexcept {
    if (set_bit(word, slot)) [[unlikely]]
      refuse_twice(span, slot);
  }

  // Errors: one of the bits `given`, of word `w` of a bitmap, is among those that were set `before`.
  [[gnu::always_inline]] static void insist_apart(std::uint64_t before, std::uint64_t given, const Span& span,
                                                  unsigned w) noexcept {
    if ((before & given) != 0) [[unlikely]]
      refuse_twice(span, w * 64 + static_cast<unsigned>(std::countr_zero(before & given)));
  }

  // Errors: no block begins at p, or another thread has given it back. What its own thread has is known to that thread alone.
  static void insist_on_block(const Span& span, const void* p) noexcept {
    const unsigned slot = checked_slot(span, static_cast<const std::byte*>(p), Noticed::at_once);
    if ((span.remote.bits(slot / 64) & bit_of(slot)) != 0) [[unlikely]]
      refuse_double(span, p, Noticed::at_once);
  }

  // Errors: the slot was given back by another thread, and nobody owns its span: it was free already, and all of the span with it.
  [[gnu::always_inline]] static void insist_owned(bool owned, const Span& span, unsigned slot) noexcept {
    if (!owned) [[unlikely]]
      refuse_twice(span, slot);
  }

 private:
  // Out of line, so that nothing is kept at hand for it where all is well.
  [[noreturn, gnu::cold, gnu::noinline]] static void refuse_twice(const Span& span, unsigned slot) noexcept {
    refuse_double(span, span.slot(slot), Noticed::late);
  }
};

// Their empty twin, to measure what they cost.
struct NoChecks {
  static constexpr bool newest = false;

  [[nodiscard, gnu::always_inline]] static unsigned slot(const Span& span, const std::byte* block) noexcept {
    return span.slot_at(address_of(block) - address_of(span.begin));
  }
  [[gnu::always_inline]] static void add(std::uint64_t& word, const Span&, unsigned slot) noexcept {
    word |= bit_of(slot);
  }
  static void insist_apart(std::uint64_t, std::uint64_t, const Span&, unsigned) noexcept {}
  static void insist_owned(bool, const Span&, unsigned) noexcept {}
  static void insist_on_block(const Span&, const void*) noexcept {}
};

}  // namespace basalt::engine
