// Pages of a WebAssembly module's own memory.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// `Memory` is WasmMemory in a module, and elsewhere, for tests, anything with its three names. Linear memory grows at
// its end and never shrinks; if nobody else grows it, all growths are one piece.
template <class Memory>
class WasmGrower {
 public:
  constexpr WasmGrower() noexcept = default;

  [[nodiscard]] std::size_t page_size() const noexcept { return Memory::page_bytes; }

  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (bytes == 0) return Result<Range>::success({});
    const std::size_t size = align_up(bytes, Memory::page_bytes);
    if (size > max_request) return Result<Range>::failure(out_of_memory);
    const Result<std::byte*> begin = Memory::grow(size / Memory::page_bytes);
    if (!begin.ok()) return Result<Range>::failure(begin.error);
    pages_ += size / Memory::page_bytes;
    return Result<Range>::success({begin.value, size});
  }

  [[nodiscard]] Result<Range> extend(std::byte* end, std::size_t bytes) noexcept {
    if (bytes == 0) return Result<Range>::success({end, 0});
    return end == Memory::end() ? grow(bytes) : Result<Range>::failure(out_of_memory);
  }

  [[nodiscard]] std::size_t pages() const noexcept { return pages_; }  // of 64 KiB

 private:
  std::size_t pages_ = 0;
};

}  // namespace basalt
