// A free block: memory that describes itself, because nobody else is using it.
//
//      begin                                        end = begin + size
//      v                                            v
//      +----------------+---------------------------+
//      | next  |  size  |         (nothing)         |
//      +----------------+---------------------------+
//        FreeHeader, 16 bytes on a 64-bit machine
//
// Only free blocks have a header. A live block has none: whoever holds it gives its size back with it.
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <utility>

#include "../base/range.hpp"

namespace basalt {

// Law: `size` counts the whole block, this header included; it is a multiple of `granule` and at least
// `least_block`.
struct FreeHeader {
  FreeHeader* next;
  std::size_t size;  // bytes

  [[nodiscard]] Range range() noexcept { return {reinterpret_cast<std::byte*>(this), size}; }
};

inline constexpr std::size_t granule = 8;                       // blocks begin and end at multiples of it
inline constexpr std::size_t least_block = sizeof(FreeHeader);  // the smallest block that can become free

// The bytes that a request for `size` really takes.
[[nodiscard]] constexpr std::size_t block_size(std::size_t size) noexcept {
  return size <= least_block ? least_block : align_up(size, granule);
}

// Whether so many bytes left over can live on as a block, or are none at all.
[[nodiscard]] constexpr bool can_remain(std::size_t bytes) noexcept {
  return bytes == 0 || bytes >= least_block;
}

// The one owner of a free block that is on no list.
//
// It can be moved but not copied, so a block cannot get on two lists; and it must be handed on before it goes
// out of scope, so a block cannot get lost: `release` says where it went. A debug build stops at one that is
// abandoned.
class [[nodiscard]] FreeBlock {
 public:
  // Effects: writes a header over the beginning of `memory`.
  // Requires: nobody else uses it; its size is a multiple of `granule`, at least `least_block`; aligned to
  // `granule`.
  [[nodiscard]] static FreeBlock over(Range memory) noexcept {
    assert(memory.size >= least_block && memory.size % granule == 0 && is_aligned(memory.begin, granule));
    return FreeBlock{::new (static_cast<void*>(memory.begin)) FreeHeader{nullptr, memory.size}};
  }

  // Takes over a block whose header is written already, and which has just left a list.
  [[nodiscard]] static FreeBlock adopt(FreeHeader* header) noexcept { return FreeBlock{header}; }

  FreeBlock(FreeBlock&& other) noexcept : header_{std::exchange(other.header_, nullptr)} {}
  FreeBlock& operator=(FreeBlock&&) = delete;
  ~FreeBlock() {
    assert(header_ == nullptr && "basalt: a free block was abandoned: its memory would be lost");
  }

  [[nodiscard]] Range range() const noexcept { return header_->range(); }
  [[nodiscard]] std::size_t size() const noexcept { return header_->size; }
  [[nodiscard]] Relation relation_to(const Range& other) const noexcept { return relation(range(), other); }

  // Effects: cuts the last `bytes` off.  Returns: the part cut off, which has no header.
  // Requires: what remains can still hold a header.
  [[nodiscard]] Range split(std::size_t bytes) noexcept {
    assert(bytes % granule == 0 && size() >= bytes + least_block);
    header_->size -= bytes;
    return {range().end(), bytes};
  }

  // Effects: ends the ownership without a new owner in the type system: the memory goes to a list or to a
  // caller.
  FreeHeader* release() && noexcept { return std::exchange(header_, nullptr); }

 private:
  explicit FreeBlock(FreeHeader* header) noexcept : header_{header} {}

  FreeHeader* header_;
};

// The one owner of memory that was claimed from a list, of any number of granules and so without a header. As a FreeBlock
// it cannot be copied, and a debug build stops where it is abandoned.
class [[nodiscard]] Claim {
 public:
  [[nodiscard]] static Claim refused() noexcept { return Claim{{}, false}; }
  [[nodiscard]] static Claim of(Range memory) noexcept { return Claim{memory, true}; }

  Claim(Claim&& other) noexcept
      : memory_{std::exchange(other.memory_, Range{})}, granted_{std::exchange(other.granted_, false)} {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() { assert(memory_.empty() && "basalt: claimed memory was abandoned: it would be lost"); }

  [[nodiscard]] bool granted() const noexcept { return granted_; }
  [[nodiscard]] Range range() const noexcept { return memory_; }

  // Effects: ends the ownership without a new owner in the type system, as for FreeBlock.
  Range release() && noexcept { return std::exchange(memory_, Range{}); }

 private:
  Claim(Range memory, bool granted) noexcept : memory_{memory}, granted_{granted} {}

  Range memory_;
  bool granted_;
};

}  // namespace basalt
