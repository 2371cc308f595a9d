// For kitchens whose every call goes on to the family: what the doors find where others have the short paths.
#pragma once

#include <cstddef>

namespace basalt::door {

struct NoShortPaths {
  struct Heap {
    static constexpr bool allocate(std::size_t, void*&) noexcept { return false; }
    static constexpr bool free(void*) noexcept { return false; }
    static constexpr bool free(void*, std::size_t) noexcept { return false; }
  };
  [[nodiscard]] static const Heap* heap() noexcept { return &none_; }

 private:
  static constexpr Heap none_{};
};

}  // namespace basalt::door
