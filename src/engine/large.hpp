// Blocks above 32 KiB: slices of their own, and above half a chunk (256 KiB in the hardened library) chunks of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../platform/bytes.hpp"
#include "crimes.hpp"
#include "page_map.hpp"
#include "space.hpp"

namespace basalt::engine {

// No heap owns such a block: whoever frees it takes the space's lock. Its map entry is the proof that it lives; two threads
// that free the same block meet there, and the one that comes second finds it gone.
template <AddressSpaceOs System>
class LargeBlocks {
 public:
  explicit LargeBlocks(Space<System>& space) noexcept : space_{space} {}

  // Returns: a block of `size` bytes at a multiple of `alignment`, or nullptr.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (size > max_request || alignment > GiB || !space_.ready()) return nullptr;
    return size > largest_run() || alignment > largest_run() ? allocate_huge(size, alignment)
                                                             : allocate_run(size, alignment);
  }

  // The same with all of the block zero. What the system gives is zero already: it is not touched.
  [[nodiscard]] void* allocate_zeroed(std::size_t size) noexcept {
    void* const block = allocate(size, 1);
    if (block == nullptr) return nullptr;
    const std::size_t slice = space_.slice_of(block);
    const bool huge = space_.entry(slice) == entry_for(Kind::huge);
    if (!(huge ? space_.huge_was_zero(slice) : space_.descriptor(slice).zero)) clear_bytes(block, size);
    return block;
  }

  // Requires: `entry` is the map entry of `slice`, in which p lies.
  // Returns: false if there is no large block; one that is freed twice, or in its middle, ends the program.
  [[nodiscard]] bool free(void* p, std::size_t slice, MapEntry entry) noexcept {
    insist_on_beginning(p, slice, entry);
    if (entry == 0) refuse_unclaimed(p, slice);
    const bool huge = entry == entry_for(Kind::huge);
    if (!huge && entry != entry_for(Kind::large)) return false;
    if (!space_.claim(slice, entry)) refuse_double(p);
    if (huge) {
      space_.give_huge(slice);
    } else {
      const Run run{slice, space_.descriptor(slice).slices};
      space_.mark(run, 0, 0);
      space_.give_large(run);
    }
    return true;
  }

  // Errors: a pointer into the middle of a large block ends the program.  Requires: as free.
  void insist_on_beginning(const void* p, std::size_t slice, MapEntry entry) const noexcept {
    if (entry == entry_for(Kind::interior)) refuse_interior(p, slice);
    const bool begins_here = entry == entry_for(Kind::huge) || entry == entry_for(Kind::large);
    if (begins_here && p != space_.address(slice)) refuse_inside(p, slice, entry);
  }

  [[nodiscard]] std::size_t usable_size(std::size_t slice, MapEntry entry) const noexcept {
    if (entry == entry_for(Kind::huge)) return space_.huge_size(slice);
    return entry == entry_for(Kind::large) ? space_.descriptor(slice).slices * slice_bytes : 0;
  }

  // Returns: the block at its new size, if its memory could be kept without a copy; else nullptr, and it is as it was.
  [[nodiscard]] void* resize(void* p, std::size_t size) noexcept {
    const std::size_t slice = space_.slice_of(p);
    const MapEntry entry = space_.entry(slice);
    if (entry == entry_for(Kind::huge) && size > largest_run() && size <= max_request)
      return resize_huge(slice, size);
    if (entry == entry_for(Kind::large) && size <= largest_run())
      return extend_run(slice, size) ? p : nullptr;
    return nullptr;
  }

 private:
  // Returns: the bytes above which a block gets chunks to itself.
  [[nodiscard]] std::size_t largest_run() const noexcept { return space_.policy.overlay.largest_run; }

  [[nodiscard]] static unsigned slices_for(std::size_t size) noexcept {
    return static_cast<unsigned>(align_up(std::max<std::size_t>(size, 1), slice_bytes) >> slice_shift);
  }

  [[nodiscard]] void* allocate_run(std::size_t size, std::size_t alignment) noexcept {
    const auto apart = static_cast<unsigned>(std::max<std::size_t>(alignment >> slice_shift, 1));
    const Run run = space_.take(slices_for(size), apart);
    if (run.count == 0) return nullptr;
    Span& span = space_.descriptor(run.first);
    span.slices = static_cast<std::uint16_t>(run.count);
    span.zero = run.zero;
    space_.mark(run, entry_for(Kind::large), entry_for(Kind::interior));
    return space_.address(run.first);
  }

  [[nodiscard]] void* allocate_huge(std::size_t size, std::size_t alignment) noexcept {
    const std::size_t slice = space_.take_huge(std::max<std::size_t>(size, 1), alignment);
    return slice == Space<System>::none ? nullptr : space_.address(slice);
  }

  [[nodiscard]] bool extend_run(std::size_t slice, std::size_t size) noexcept {
    Span& span = space_.descriptor(slice);
    const unsigned slices = slices_for(size);
    if (slices <= span.slices || !space_.extend({slice, span.slices}, slices - span.slices)) return false;
    span.slices = static_cast<std::uint16_t>(slices);
    space_.mark({slice, slices}, entry_for(Kind::large), entry_for(Kind::interior));
    return true;
  }

  [[nodiscard]] void* resize_huge(std::size_t slice, std::size_t size) noexcept {
    if (!space_.claim(slice, entry_for(Kind::huge))) refuse_double(space_.address(slice));
    const std::size_t now = space_.resize_huge(slice, size);
    return now == Space<System>::none ? nullptr : space_.address(now);
  }

  // Only the first slice of a huge block has an entry, and free memory has none: where there is none, the space is asked.
  [[gnu::cold]] void refuse_unclaimed(const void* p, std::size_t slice) const noexcept {
    const Tenant tenant = space_.tenant(slice);
    if (tenant == Tenant::huge_block) refuse_inside_large(p, nullptr, 0);
    if (tenant == Tenant::vacant) refuse_double(p);
  }

  [[noreturn, gnu::cold]] void refuse_inside(const void* p, std::size_t slice,
                                             MapEntry entry) const noexcept {
    refuse_inside_large(p, space_.address(slice), usable_size(slice, entry));
  }
  [[noreturn, gnu::cold]] void refuse_interior(const void* p, std::size_t slice) const noexcept {
    while (space_.entry(slice) == entry_for(Kind::interior)) --slice;
    if (space_.entry(slice) == entry_for(Kind::large)) refuse_inside(p, slice, entry_for(Kind::large));
    refuse_inside_large(p, nullptr, 0);  // it goes at this moment
  }

  Space<System>& space_;
};

}  // namespace basalt::engine
