// Memory for what describes the heap: before it and behind it lies a page that may not be touched.
#pragma once

#include <atomic>
#include <cstddef>

#include "../base/range.hpp"
#include "fatal.hpp"
#include "os.hpp"

namespace basalt {

// Blocks do not lie near it, but the kernel may put what a program maps for itself right beside it. Fences take up to two of the
// mappings that a process may have: so there is a budget of them, and beyond it there are some only where the system has guards
// that are no mappings.
template <AddressSpaceOs System>
class Fenced {
 public:
  // As System::map, for a multiple of the page size, or what is rounded up to one.
  [[nodiscard]] static Result<std::byte*> map(std::size_t bytes) noexcept {
    const std::size_t page = System::page_size();
    const std::size_t inside = align_up(bytes, page);
    const bool opens = made_.load(std::memory_order_relaxed) < budget;
    const Result<std::byte*> whole =
        opens ? System::reserve(inside + 2 * page) : System::map(inside + 2 * page);
    if (!whole.ok()) return whole;
    std::byte* const begin = whole.value + page;
    if (!opens) {
      if (System::guard({whole.value, page}) || System::guard({begin + inside, page})) exhausted();
    } else if (const Error refused = System::open({begin, inside})) {
      unmap(begin, bytes);
      return Result<std::byte*>::failure(refused);
    } else {
      made_.fetch_add(1, std::memory_order_relaxed);
    }
    return Result<std::byte*>::success(begin);
  }

  // Effects: gives back what `map(bytes)` gave.
  static void unmap(std::byte* begin, std::size_t bytes) noexcept {
    const std::size_t page = System::page_size();
    (void)System::unmap({begin - page, align_up(bytes, page) + 2 * page});
  }

 private:
  static constexpr std::size_t budget =
      4'096;  // mappings that are fenced by others; a heap of 16 GiB has as many

  [[gnu::cold]] static void exhausted() noexcept {
    if (said_.exchange(true, std::memory_order_relaxed)) return;
    warn(Text{} << "basalt: " << budget
                << " tables lie between guards that are mappings of their own, and there will be no more: "
                << "tables to come lie beside others. Linux 6.13 has guards that cost none");
  }

  static inline constinit std::atomic<std::size_t> made_{0};
  static inline constinit std::atomic<bool> said_{false};
};

}  // namespace basalt
