// Whether the dynamic linker has finished with us yet.
#pragma once

namespace basalt {

// An ifunc resolver may call malloc before this library's own relocations are done; until then calls into
// libc would jump into nowhere. The address below is filled in by a relocation, while the code finds the same
// place relative to itself: they agree once the relocation has happened.
[[nodiscard]] inline bool relocated() noexcept {
  static constinit char landmark = 0;
  static constinit char* volatile recorded = &landmark;
  return recorded == &landmark;
}

}  // namespace basalt
