// The allocator that the doors of this library open to: the small kitchen.
#pragma once

#include "../../base/allocator.hpp"
#include "../../basic/size_prefixed.hpp"
#include "../../basic/unix_allocator.hpp"

namespace basalt::door {

using Kitchen = SizePrefixed<UnixAllocator>;
static_assert(Allocator<Kitchen>);

inline constexpr const char* kitchen_name = "basalt-basic";

// Hidden here too: see first_use.hpp.
[[gnu::visibility("hidden")]] extern constinit Kitchen kitchen;

// The small kitchen has no short paths: every call goes on to the family.
struct ThisThread {
  struct Heap {
    static constexpr bool allocate(std::size_t, void*&) noexcept { return false; }
    static constexpr bool free(void*) noexcept { return false; }
    static constexpr bool free(void*, std::size_t) noexcept { return false; }
  };
  [[nodiscard]] static const Heap* heap() noexcept { return &none_; }

 private:
  static constexpr Heap none_{};
};

inline void heed_environment() noexcept {}  // it has no options

}  // namespace basalt::door
