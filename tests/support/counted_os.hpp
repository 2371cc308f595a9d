// An operating system that knows how much memory it has let its caller use.
#pragma once

#include <atomic>
#include <cstddef>

#include "platform/os.hpp"

namespace basalt::test {

// Its count belongs to the type; give each test a `Tag` of its own.
template <AddressSpaceOs Inner, class Tag>
struct CountedOs : Inner {
  static inline std::atomic<std::size_t> usable{0};  // bytes that may be used, and were not given back

  static Result<std::byte*> map(std::size_t bytes) noexcept { return counted(Inner::map(bytes), bytes); }
  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    return counted(Inner::map_at(at, bytes), bytes);
  }
  static Result<std::byte*> reserve(std::size_t bytes) noexcept {
    const Result<std::byte*> result = Inner::reserve(bytes);
    if (result.ok()) closed = {result.value, bytes};
    return result;
  }
  static Error open(Range range) noexcept {
    if (closed.contains(range)) closed = range_between(range.end(), closed.end());
    return counted(Inner::open(range), range.size);
  }
  static Error unmap(Range range) noexcept {
    if (!closed.contains(range)) return counted(Inner::unmap(range), 0 - range.size);
    closed = {};
    return Inner::unmap(range);
  }
  static Error extend(Range range, std::size_t bytes) noexcept {
    return counted(Inner::extend(range, bytes), bytes - range.size);
  }

  // What lies at `at` makes way, and what was in `range` is gone from there.
  static Error remap_to(Range range, std::byte* at, std::size_t bytes) noexcept {
    return counted(Inner::remap_to(range, at, bytes), 0 - range.size);
  }

 private:
  static inline Range closed;  // of what was reserved last, what lies behind all that was opened

  static Error counted(Error error, std::size_t change) noexcept {
    if (!error) usable.fetch_add(change, std::memory_order_relaxed);
    return error;
  }
  static Result<std::byte*> counted(Result<std::byte*> result, std::size_t change) noexcept {
    if (result.ok()) usable.fetch_add(change, std::memory_order_relaxed);
    return result;
  }
};

}  // namespace basalt::test
