// By which family of functions a block was asked for, or is given back.
#pragma once

#include <cstdint>

namespace basalt {

// `unknown` goes with all: whoever says so does not know better, or may take blocks of each.
enum class Origin : std::uint8_t { unknown, malloc, new_object, new_array };

[[nodiscard]] constexpr bool go_together(Origin asked, Origin given_back) noexcept {
  return asked == given_back || asked == Origin::unknown || given_back == Origin::unknown;
}

}  // namespace basalt
