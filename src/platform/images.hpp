// The programs and shared libraries that a process consists of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

// One piece of code, as it is mapped.
struct Image {
  static constexpr std::size_t longest_path = 511;
  static constexpr std::size_t longest_id = 20;  // bytes: build-ids are SHA-1 sums or shorter

  std::uintptr_t begin = 0;  // whole pages
  std::uintptr_t end = 0;
  std::uintptr_t file_offset = 0;  // of `begin`
  char path[longest_path + 1] = {};
  char build_id[2 * longest_id + 1] = {};  // hexadecimal; empty: there is none

  [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
    return begin <= address && address < end;
  }
};

// Effects: writes what is executed in this process, the program itself first, `most` pieces at most. Takes the dynamic linker's
// lock: so no lock may be held that a constructor or destructor of a library could want. Does not allocate.
// Returns: how many pieces were written.
[[nodiscard]] std::size_t find_images(Image* images, std::size_t most) noexcept;

// Returns: nanoseconds since 1970, and since some moment in the past.
[[nodiscard]] std::uint64_t wall_nanoseconds() noexcept;
[[nodiscard]] std::uint64_t steady_nanoseconds() noexcept;

}  // namespace basalt
