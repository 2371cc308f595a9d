// Makes any sized allocator answer free(p): the size is kept in front of the block.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/allocator.hpp"
#include "../base/layout.hpp"
#include "../base/range.hpp"
#include "../base/result.hpp"
#include "../platform/fatal.hpp"
#include "free_block.hpp"
#include "validity.hpp"

namespace basalt {

//      block (from Sized)                                p + usable size
//      v        v p, a multiple of 16                    v
//      +--------+----------------------------------------+
//      | prefix |  what the caller may use               |
//      +--------+----------------------------------------+
//       8 bytes
//
// The prefix holds the block's size and a seal made of the size and the address: a pointer whose seal is
// broken is not a live block's. So a request for up to 8 bytes costs 16, and every p is a multiple of 16.
template <class Sized>
class SizePrefixed {
 public:
  constexpr SizePrefixed() noexcept = default;

  // See the concept `Allocator` for what each of these promises.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
    const Layout layout = layout_for(size, alignment);
    const Result<std::byte*> block = sized_.allocate(layout);
    return block.ok() ? seal(block.value, block_size(layout.size)) : nullptr;
  }

  [[nodiscard]] bool deallocate(void* p) noexcept {
    if (!owns(p)) return false;
    const Range block = unseal(p, "free");
    break_seal(block);
    sized_.deallocate(block.begin, block.size);
    return true;
  }

  [[nodiscard]] bool deallocate(void* p, std::size_t size) noexcept {
    if (!owns(p)) return false;
    const Range block = unseal(p, "free_sized");
    if (block_size(add_saturating(size, prefix_bytes)) != block.size) {
      fatal(Text{} << "basalt: invalid size in free_sized: " << p << " has " << block.size - prefix_bytes
                   << " usable bytes and cannot have been asked for with " << size);
    }
    return deallocate(p);
  }

  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    const Range block = unseal(p, "realloc");
    const Layout layout = layout_for(size, least_alignment);
    if (block_size(layout.size) == block.size) return p;
    break_seal(block);
    const Result<std::byte*> resized = sized_.reallocate(block.begin, block.size, layout);
    if (resized.ok()) return seal(resized.value, block_size(layout.size));
    (void)seal(block.begin, block.size);
    return nullptr;
  }

  [[nodiscard]] std::size_t usable_size(const void* p) const noexcept {
    return unseal(p, "malloc_usable_size").size - prefix_bytes;
  }

  // Only the prefix is looked for: that is enough to tell that following the pointer is safe.
  [[nodiscard]] bool owns(const void* p) const noexcept {
    return address_of(p) > prefix_bytes && sized_.owns({prefix_of(p), prefix_bytes});
  }

  bool trim() noexcept { return sized_.trim(); }
  [[nodiscard]] HeapStats stats() const noexcept { return sized_.stats(); }
  [[nodiscard]] Validity validate() const noexcept { return sized_.validate(); }

  // Walks the heap.  Returns: nullptr if every law holds, else the one that is broken, in words.
  [[nodiscard]] const char* broken_law() const noexcept {
    const Law broken = validate().broken();
    return broken == Law::none ? nullptr : name(broken);
  }

  void before_fork() noexcept { sized_.before_fork(); }
  void after_fork_in_parent() noexcept { sized_.after_fork(); }
  void after_fork_in_child() noexcept { sized_.after_fork(); }

 private:
  static constexpr std::size_t prefix_bytes = granule;
  static constexpr std::size_t least_alignment = 16;  // of every pointer handed out
  static constexpr unsigned seal_bits = 16;           // above the size, which has 48 bits and is enough
  static constexpr std::uint64_t freed =
      0xf4ee'f4ee'f4ee'f4eeU;  // its low bits are no size that a block can have

  [[nodiscard]] static Layout layout_for(std::size_t size, std::size_t alignment) noexcept {
    return {add_saturating(size, prefix_bytes), std::max(alignment, least_alignment), prefix_bytes};
  }

  // Mixes address and size so that neither a stray number nor a copy of another block's prefix passes.
  [[nodiscard]] static std::uint64_t seal_for(const std::byte* block, std::size_t size) noexcept {
    const std::uint64_t mixed = (address_of(block) ^ (size << 7)) * 0x9e37'79b9'7f4a'7c15U;
    return mixed >> (64 - seal_bits) << (64 - seal_bits);
  }

  [[nodiscard]] static void* seal(std::byte* block, std::size_t size) noexcept {
    const std::uint64_t prefix = size | seal_for(block, size);
    std::memcpy(block, &prefix, prefix_bytes);
    return block + prefix_bytes;
  }

  static void break_seal(Range block) noexcept { std::memcpy(block.begin, &freed, prefix_bytes); }

  [[nodiscard]] static std::byte* prefix_of(const void* p) noexcept {
    return static_cast<std::byte*>(const_cast<void*>(p)) - prefix_bytes;
  }

  // Returns: the block that `p` was made from.
  // Requires: owns(p), so that looking is safe.  Errors: a pointer that is no live block's ends the program.
  [[nodiscard]] Range unseal(const void* p, const char* caller) const noexcept {
    if (!is_aligned(p, least_alignment))
      refuse(p, caller, "is not a multiple of 16, so no block begins there");
    std::byte* const block = prefix_of(p);
    std::uint64_t prefix = 0;
    std::memcpy(&prefix, block, prefix_bytes);
    const std::size_t size = static_cast<std::size_t>(prefix << seal_bits >> seal_bits);
    if (prefix == (size | seal_for(block, size)) && size >= least_block && size % granule == 0)
      return {block, size};
    refuse(p, caller,
           prefix == freed || sized_.is_free(block) ? "is free already"
                                                    : "is not the beginning of a live block");
  }

  [[noreturn]] static void refuse(const void* p, const char* caller, const char* why) noexcept {
    fatal(Text{} << "basalt: invalid pointer in " << caller << ": " << p << " " << why);
  }

  Sized sized_;
};

}  // namespace basalt
