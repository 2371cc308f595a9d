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

// Returns: where the address lies, from /proc/self/maps, which is read anew. Neither allocates nor takes a lock, as dladdr(3)
// does: for a process that is about to end.
[[nodiscard]] Module module_of(std::uintptr_t address) noexcept;

}  // namespace basalt
