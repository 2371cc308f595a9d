// An operating system on which others have taken the addresses that one would like to have.
#pragma once

#include <cstddef>

#include "platform/os.hpp"

namespace basalt::test {

// Of all places that are asked for, `vacant` may still be had. What may lie anywhere is not refused.
template <AddressSpaceOs Inner, class Tag>
struct CrowdedOs : Inner {
  static inline std::size_t vacant = 1;

  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    if (vacant == 0) return Result<std::byte*>::failure(address_taken);
    vacant -= 1;
    return Inner::map_at(at, bytes);
  }
};

}  // namespace basalt::test
