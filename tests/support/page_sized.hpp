// An operating system with larger pages than the one that the tests run on.
#pragma once

#include <cstddef>

#include "base/bits.hpp"
#include "platform/os.hpp"

namespace basalt::test {

// Refuses addresses that are not those of its pages, and takes whole pages, as a kernel does; so who has the size of a page
// wrong fails, or loses what lies beside.
template <AddressSpaceOs Inner, std::size_t Page>
struct PageSized : Inner {
  static std::size_t page_size() noexcept { return Page; }

  static Result<std::byte*> map(std::size_t bytes) noexcept { return aligned(&Inner::map, whole(bytes)); }
  static Result<std::byte*> reserve(std::size_t bytes) noexcept {
    return aligned(&Inner::reserve, whole(bytes));
  }
  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    if (!is_aligned(at, Page)) return Result<std::byte*>::failure(invalid_argument);
    return Inner::map_at(at, whole(bytes));
  }
  static Error unmap(Range range) noexcept {
    return fits(range) ? Inner::unmap(pages(range)) : invalid_argument;
  }
  static Error open(Range range) noexcept {
    return fits(range) ? Inner::open(pages(range)) : invalid_argument;
  }
  static Error decommit(Range range) noexcept {
    return fits(range) ? Inner::decommit(pages(range)) : invalid_argument;
  }
  static Error extend(Range range, std::size_t bytes) noexcept {
    return fits(range) ? Inner::extend(pages(range), whole(bytes)) : invalid_argument;
  }
  static Error remap_to(Range range, std::byte* at, std::size_t bytes) noexcept {
    return fits(range) && is_aligned(at, Page) ? Inner::remap_to(pages(range), at, whole(bytes))
                                               : invalid_argument;
  }

 private:
  static constexpr std::size_t whole(std::size_t bytes) noexcept { return align_up(bytes, Page); }
  static Range pages(Range range) noexcept { return {range.begin, whole(range.size)}; }
  static bool fits(Range range) noexcept { return is_aligned(range.begin, Page); }

  // What lies before the first whole page, and behind the last, is left mapped.
  template <class Get>
  static Result<std::byte*> aligned(Get get, std::size_t bytes) noexcept {
    Result<std::byte*> result = get(bytes + Page);
    if (result.ok()) result.value = align_up(result.value, Page);
    return result;
  }
};

}  // namespace basalt::test
