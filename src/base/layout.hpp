// What a caller asks for: so many bytes, lying so.
#pragma once

#include <cstddef>

#include "bits.hpp"

namespace basalt {

struct Layout {
  std::size_t size = 0;       // bytes
  std::size_t alignment = 8;  // a power of two
  std::size_t offset =
      0;  // `begin + offset` is the multiple of `alignment`; smaller than it, and a multiple of 8

  [[nodiscard]] bool valid() const noexcept {
    return size <= max_request && is_power_of_two(alignment) && alignment <= GiB && offset < alignment &&
           offset % 8 == 0;
  }
};

}  // namespace basalt
