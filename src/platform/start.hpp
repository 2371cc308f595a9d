// How far the process has come before `main`: what may be called already, and what not yet.
#pragma once

#include <atomic>

namespace basalt {

// False in the first moments of a process, when a resolver of an indirect function (ifunc) may call malloc before
// this object's relocations are done, before libc has chosen its own memcpy, and before there is an errno. Until
// then nothing here calls libc: the system is asked directly and bytes are moved by hand.
//
// A shared library notices by itself that it is relocated (see `relocated`); a static archive is up when the
// constructors run, or when its door is told so before that. Once true it stays so.
[[gnu::visibility("hidden")]] extern constinit std::atomic<bool> libc_is_up;

[[nodiscard]] inline bool libc_up() noexcept { return libc_is_up.load(std::memory_order_relaxed); }
inline void note_libc_up() noexcept { libc_is_up.store(true, std::memory_order_relaxed); }

// Whether the dynamic linker has finished with us. The address below is filled in by a relocation, while the code
// finds the same place relative to itself: they agree once the relocation has happened. A program that is not
// relocated at all sees them agree from the start, which says nothing about libc.
[[nodiscard]] inline bool relocated() noexcept {
  static constinit char landmark = 0;
  static constinit char* volatile recorded = &landmark;
  return recorded == &landmark;
}

}  // namespace basalt
