// The allocator that the doors of this library open to: the small kitchen.
#pragma once

#include "../../base/allocator.hpp"
#include "../../basic/size_prefixed.hpp"
#include "../../basic/unix_allocator.hpp"
#include "../foreign.hpp"
#include "../no_short_paths.hpp"

namespace basalt::door {

using Kitchen = SizePrefixed<UnixAllocator>;
static_assert(Allocator<Kitchen>);

inline constexpr const char* kitchen_name = "basalt-basic";

// A preloaded library may meet a program that brings an allocator of its own.
inline constexpr ForeignPolicy when_preloaded = ForeignPolicy::leak;

// Hidden here too: see first_use.hpp.
[[gnu::visibility("hidden")]] extern constinit Kitchen kitchen;

// The small kitchen has no short paths: every call goes on to the family.
using ThisThread = NoShortPaths;

inline void heed_environment() noexcept {}  // it has no options

}  // namespace basalt::door
