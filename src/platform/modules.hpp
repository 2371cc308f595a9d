// Which file an address of code is from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

struct Module {
  static constexpr std::size_t longest = 255;

  char file[longest + 1] = {};  // its end, if it is longer; empty: not known
  std::uintptr_t offset = 0;    // of the address, from the file's beginning

  // Returns: whether it is a shared library of Basalt's.
  [[nodiscard]] bool ours() const noexcept;
};

// Effects: found[i] is where addresses[i] lies, for `count` of them, from /proc/self/maps, which is read once. Neither allocates nor
// takes a lock, as dladdr(3) does: for a process that is about to end.  Requires: all of `found` as they are made.
void find_modules(const std::uintptr_t* addresses, std::size_t count, Module* found) noexcept;

}  // namespace basalt
