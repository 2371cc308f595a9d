// A linear memory on a machine that has none.
#pragma once

#include <cstddef>

#include "base/bits.hpp"
#include "base/result.hpp"

namespace basalt::test {

// As WasmMemory, in an array. Its state belongs to the type; `reset` makes it small again.
struct FakeWasmMemory {
  static constexpr std::size_t page_bytes = 64 * KiB;
  static constexpr std::size_t most_pages = 256;

  static std::byte* end() noexcept { return array + used * page_bytes; }

  static Result<std::byte*> grow(std::size_t pages) noexcept {
    if (pages > most_pages - used) return Result<std::byte*>::failure(out_of_memory);
    std::byte* const begin = end();
    used += pages;
    return Result<std::byte*>::success(begin);
  }

  static void reset() { used = 0; }

 private:
  alignas(page_bytes) static inline std::byte array[most_pages * page_bytes];
  static inline std::size_t used = 0;
};

}  // namespace basalt::test
