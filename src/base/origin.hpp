// By which family of functions a block was asked for, or is given back.
#pragma once

#include <cstdint>

namespace basalt {

// `unknown` goes with all: whoever says so does not know better, or may take blocks of each.
enum class Origin : std::uint8_t { unknown, malloc, new_object, new_array, new_aligned, array_aligned };

[[nodiscard]] constexpr bool go_together(Origin asked, Origin given_back) noexcept {
  return asked == given_back || asked == Origin::unknown || given_back == Origin::unknown;
}

[[nodiscard]] constexpr const char* name_of(Origin origin) noexcept {
  constexpr const char* names[] = {"Basalt", "malloc", "new", "new[]", "aligned new", "aligned new[]"};
  return names[static_cast<unsigned>(origin)];
}
[[nodiscard]] constexpr const char* free_for(Origin origin) noexcept {
  constexpr const char* names[] = {"free",     "free",           "delete",
                                   "delete[]", "aligned delete", "aligned delete[]"};
  return names[static_cast<unsigned>(origin)];
}

}  // namespace basalt
