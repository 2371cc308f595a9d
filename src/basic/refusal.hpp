// The sentences with which the small kitchen refuses what is no live block of its heap.
#pragma once

#include "../base/range.hpp"
#include "../base/text.hpp"
#include "../platform/fatal.hpp"
#include "free_block.hpp"

namespace basalt {

[[noreturn]] inline void refuse_misaligned(Range memory) noexcept {
  fatal(Text{} << "basalt: invalid free: " << memory.begin << " is not a multiple of " << granule
               << ", so no block begins there");
}

[[noreturn]] inline void refuse_not_ours(Range memory) noexcept {
  fatal(Text{} << "basalt: invalid free: the block " << memory.begin << " of " << memory.size
               << " bytes does not belong to this heap");
}

[[noreturn]] inline void refuse_broken(const char* law) noexcept {
  fatal(Text{} << "basalt: corrupted free list: it is not so that " << law
               << "; something wrote to memory that it had freed");
}

[[noreturn]] inline void refuse_double_free(Range memory, Range free) noexcept {
  fatal(Text{} << "basalt: double free: the block " << memory.begin << " of " << memory.size
               << " bytes overlaps the free block " << free.begin << " of " << free.size << " bytes");
}

}  // namespace basalt
