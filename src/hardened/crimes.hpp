// What the hardened library says of a program that misuses memory. The sentences are part of the interface:
// docs/reference/messages.md.
#pragma once

#include <cstddef>

#include "../base/origin.hpp"
#include "../platform/fatal.hpp"

namespace basalt::hardened {

[[nodiscard]] constexpr const char* name_of(Origin origin) noexcept {
  return origin == Origin::new_array ? "new[]" : origin == Origin::new_object ? "new" : "malloc";
}
[[nodiscard]] constexpr const char* free_for(Origin origin) noexcept {
  return origin == Origin::new_array ? "delete[]" : origin == Origin::new_object ? "delete" : "free";
}

[[noreturn, gnu::cold]] inline void refuse_origin(const void* p, Origin asked, Origin given_back) noexcept {
  fatal(Text{} << "basalt: mismatched " << free_for(given_back) << ": " << p << " came from "
               << name_of(asked) << ", which goes with " << free_for(asked));
}

[[noreturn, gnu::cold]] inline void refuse_size(const void* p, std::size_t size, std::size_t given) noexcept {
  fatal(Text{} << "basalt: invalid size in free_sized: " << p << " has " << size
               << " bytes and cannot have been asked for with " << given);
}

[[noreturn, gnu::cold]] inline void refuse_overflow(const void* p, std::size_t size) noexcept {
  fatal(Text{} << "basalt: heap overflow: what lies behind the " << size << " bytes at " << p
               << " was overwritten before they were freed");
}

[[noreturn, gnu::cold]] inline void refuse_late_write(const void* written, const void* p,
                                                      std::size_t offset) noexcept {
  fatal(Text{} << "basalt: use of free memory: the word at " << written << ", " << offset
               << " bytes into the free block at " << p << ", was overwritten");
}

[[noreturn, gnu::cold]] inline void refuse_freed(const void* p, const char* caller) noexcept {
  fatal(Text{} << "basalt: invalid pointer in " << caller << ": " << p << " is free already");
}

}  // namespace basalt::hardened
