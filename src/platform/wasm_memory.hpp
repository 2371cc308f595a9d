// The linear memory of a WebAssembly module. For wasm32 only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/result.hpp"

namespace basalt {

struct WasmMemory {
  static constexpr std::size_t page_bytes = 65536;  // fixed by the WebAssembly specification

  // Returns: the address behind the last byte that there is.
  [[nodiscard]] static std::byte* end() noexcept {
    return reinterpret_cast<std::byte*>(__builtin_wasm_memory_size(0) * page_bytes);
  }

  // Effects: adds zeroed pages at the end.  Returns: where they begin.
  // Errors: ENOMEM when the host refuses. The last page below 4 GiB is not taken: the end behind it would be 0.
  [[nodiscard]] static Result<std::byte*> grow(std::size_t pages) noexcept {
    const std::size_t before = __builtin_wasm_memory_size(0);
    if (pages >= last_page - before) return Result<std::byte*>::failure(out_of_memory);
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) return Result<std::byte*>::failure(out_of_memory);
    return Result<std::byte*>::success(reinterpret_cast<std::byte*>(before * page_bytes));
  }

 private:
  static constexpr std::size_t last_page = 65536;
};

}  // namespace basalt
