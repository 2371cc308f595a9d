// What differs between processors and compilers. The one header of this floor with `#if`.
#pragma once

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

// Returns: `object`, the address of which the compiler computes once, and not anew for each member that is used.
template <class T>
[[nodiscard, gnu::always_inline]] inline T& one_address(T& object) noexcept {
  T* address = &object;
  __asm__("" : "+r"(address));
  return *address;
}

}  // namespace basalt
