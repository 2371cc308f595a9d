// What differs between processors and compilers. The one header of this floor with `#if`.
#pragma once

#include <cstdint>

// A symbol that other objects may call. Everything else in the library is hidden.
#define BASALT_DOOR __attribute__((visibility("default")))

namespace basalt {

/// Effects: tells the processor that this is a spin loop: cheaper for a sibling hardware thread, and for the
/// battery. A hint only: it orders nothing and may do nothing.
inline void spin_hint() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Effects: the page of the word is there to be written to; the word stays as it is. Where there was no page, that is one fault, and
/// not one for the first read and another for the first write.  Requires: nobody else may write there.
inline void touch_for_writing(void* word) noexcept {
#if defined(__x86_64__)
  __asm__ volatile("orl $0, (%0)" : : "r"(word) : "memory", "cc");
#else
  auto* const byte = static_cast<volatile unsigned char*>(word);
  *byte = *byte;
#endif
}

/// Effects: sets bit n % 64 of the word.  Returns: whether it was set before: the processor knows, and compilers do not ask it.
[[nodiscard]] inline bool set_bit(std::uint64_t& word, unsigned n) noexcept {
#if defined(__x86_64__)
  std::uint64_t bits = word;
  bool before = false;
  __asm__("btsq %q2, %0" : "+r"(bits), "=@ccc"(before) : "r"(n));
#else
  const std::uint64_t bits = word | std::uint64_t{1} << n % 64;
  const bool before = bits == word;
#endif
  word = bits;
  return before;
}

}  // namespace basalt
