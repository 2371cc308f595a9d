// A heap without an operating system: an array that is handed out page by page.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// Gives from a buffer of the caller's, in units of `PageBytes`, from its beginning to its end and never
// twice.
template <std::size_t PageBytes = 64>
class FixedBuffer {
  static_assert(is_power_of_two(PageBytes) && PageBytes >= 16,
                "a page is a power of two and holds a free block");

 public:
  // Requires: the buffer outlives this.  Bytes before the first aligned page and after the last are not used.
  constexpr FixedBuffer(std::byte* buffer, std::size_t bytes) noexcept : buffer_{buffer}, bytes_{bytes} {}

  [[nodiscard]] std::size_t page_size() const noexcept { return PageBytes; }

  // Errors: ENOMEM when fewer than `bytes` are left; what is left stays.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    const Range left = remaining();
    const std::size_t size = align_up(bytes, PageBytes);
    if (size > left.size) return Result<Range>::failure(out_of_memory);
    used_ += size;
    return Result<Range>::success(left.first(size));
  }

  // Only the youngest growth can be extended: what follows any other has already been given.
  [[nodiscard]] Result<Range> extend(std::byte* end, std::size_t bytes) noexcept {
    return end == remaining().begin ? grow(bytes) : Result<Range>::failure(out_of_memory);
  }

  [[nodiscard]] bool owns(Range range) const noexcept { return pages().first(used_).contains(range); }

  [[nodiscard]] std::size_t pages_used() const noexcept { return used_ / PageBytes; }

 private:
  [[nodiscard]] Range pages() const noexcept { return whole_pages({buffer_, bytes_}, PageBytes); }
  [[nodiscard]] Range remaining() const noexcept { return pages().after(used_); }

  std::byte* buffer_;
  std::size_t bytes_;
  std::size_t used_ = 0;  // bytes of `pages()` given so far; a multiple of PageBytes
};

// A fixed buffer that brings its own array; with its defaults, the seed's toy heap of 256 KiB in pages of 64
// bytes.
template <std::size_t Bytes = 256 * KiB, std::size_t PageBytes = 64>
class ToyHeap : public FixedBuffer<PageBytes> {
 public:
  constexpr ToyHeap() noexcept : FixedBuffer<PageBytes>{array_, Bytes} {}
  ToyHeap(const ToyHeap&) = delete;  // the base points into this very object
  ToyHeap& operator=(const ToyHeap&) = delete;

 private:
  alignas(PageBytes) std::byte array_[Bytes]{};
};

}  // namespace basalt
