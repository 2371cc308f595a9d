// Pages from the operating system: anonymous, private, zeroed.
#pragma once

#include <cstddef>

#include "../platform/os.hpp"
#include "heap_grower.hpp"

namespace basalt {

// `System` is the way to the kernel: RawOs by raw system calls, LibcOs through libc; in tests, one that
// fails.
template <Os System>
class MmapGrower {
 public:
  constexpr MmapGrower() noexcept = default;

  [[nodiscard]] std::size_t page_size() const noexcept { return System::page_size(); }

  // Whole pages, so up to a page more than was asked.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (bytes == 0) return Result<Range>::success({});
    const std::size_t size = align_up(bytes, page_size());
    if (size > max_request) return Result<Range>::failure(out_of_memory);
    const Result<std::byte*> mapped = System::map(size);
    if (!mapped.ok()) return Result<Range>::failure(mapped.error);
    pages_ += size / page_size();
    growths_ += 1;
    return Result<Range>::success({mapped.value, size});
  }

  [[nodiscard]] Error give_back(Range range) noexcept {
    const Error error = System::unmap(range);
    if (!error) pages_ -= range.size / page_size();
    return error;
  }

  [[nodiscard]] Error decommit(Range range) noexcept { return System::decommit(range); }

  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept {
    const Result<std::byte*> moved = System::remap(range, bytes);
    if (!moved.ok()) return Result<Range>::failure(moved.error);
    pages_ = pages_ - range.size / page_size() + bytes / page_size();
    return Result<Range>::success({moved.value, bytes});
  }

  [[nodiscard]] std::size_t pages() const noexcept { return pages_; }      // held now
  [[nodiscard]] std::size_t growths() const noexcept { return growths_; }  // successful calls of `grow`

 private:
  std::size_t pages_ = 0;
  std::size_t growths_ = 0;
};

}  // namespace basalt
