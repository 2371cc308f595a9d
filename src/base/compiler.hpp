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

}  // namespace basalt
