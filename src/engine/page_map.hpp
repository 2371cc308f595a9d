// The page map: whose slice is this, and what is in it? One number answers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "size_class.hpp"
#include "span.hpp"

namespace basalt::engine {

// An entry of the map: `owner << 8 | kind`, where the kind is a size class, or one of the values past the last class.
//
// 0 means that no block has the slice. A thread compares with its own tag (its heap's id << 8): what is left after the
// exclusive or is a size class if and only if the slice is a span of its own heap. So remote, large and huge blocks all fail
// the one comparison that a local free makes anyway; null and pointers of elsewhere have failed the range check before it.
using MapEntry = std::uint32_t;

enum class Kind : std::uint8_t {
  large = 0xf0,     // the first slice of a run that one block has to itself
  interior = 0xf1,  // a later slice of a large or huge block
  huge = 0xf2,      // the first slice of chunks that one block has to itself

  // The same for heap objects; the owner's id is one of HeapObjects.
  object_span = 0xf8,  // a span: its descriptor says of which class
  object_large = 0xf9,
  object_huge = 0xfa,
};

inline constexpr HeapId nobody = 0xff'ffff;  // owner of what belongs to no heap; no heap has this id

[[nodiscard]] constexpr MapEntry tag_of(HeapId heap) noexcept { return heap << 8; }
[[nodiscard]] constexpr MapEntry entry_for(HeapId heap, SizeClass c) noexcept { return tag_of(heap) | c; }
[[nodiscard]] constexpr MapEntry entry_for(Kind kind) noexcept {
  return tag_of(nobody) | static_cast<MapEntry>(kind);
}
[[nodiscard]] constexpr MapEntry entry_for(HeapId heap, Kind kind) noexcept {
  return tag_of(heap) | static_cast<MapEntry>(kind);
}
[[nodiscard]] constexpr bool is_span(MapEntry entry) noexcept {
  return entry != 0 && (entry & 0xff) < class_count;
}

[[nodiscard]] constexpr Kind kind_of(MapEntry entry) noexcept { return static_cast<Kind>(entry & 0xff); }
[[nodiscard]] constexpr HeapId owner_of(MapEntry entry) noexcept { return entry >> 8; }
[[nodiscard]] constexpr bool is_object(MapEntry entry) noexcept {
  return kind_of(entry) >= Kind::object_span;
}

// A heap object's large block is one like any other but for its entry: with an owner, and without one.
[[nodiscard]] constexpr MapEntry with_owner(MapEntry entry, HeapId heap) noexcept {
  return entry_for(heap, entry == entry_for(Kind::huge) ? Kind::object_huge : Kind::object_large);
}
[[nodiscard]] constexpr MapEntry without_owner(MapEntry entry) noexcept {
  return entry_for(kind_of(entry) == Kind::object_huge ? Kind::huge : Kind::large);
}

// Effects: takes the entry away: from then on the block is the caller's to end or to move.
// Returns: whether it was `expected`; of several threads that try, one finds it so. Relaxed: who has the block next has it by the
// lock of the space.
template <class Entry>
[[nodiscard]] bool take_entry(Entry& entry, MapEntry expected) noexcept {
  return entry.compare_exchange_strong(expected, 0, std::memory_order_relaxed, std::memory_order_relaxed);
}

// What a free needs of the map, copied into the front of every heap.
//
// All three are 0 in a heap that is not one yet, so that every pointer fails the range check there.
struct Window {
  std::uintptr_t base = 0;  // address of the first slice
  std::size_t slices = 0;   // that have an entry
  std::atomic<MapEntry>* entries = nullptr;

  // Returns: the number of the slice of `p`; not below `slices` for whatever lies outside.
  [[nodiscard]] std::size_t slice_of(const void* p) const noexcept {
    return (address_of(p) - base) >> slice_shift;
  }

  [[nodiscard]] MapEntry entry(std::size_t slice) const noexcept {
    return entries[slice].load(std::memory_order_relaxed);
  }

  // Returns: 0 if p lies in no slice of a block.
  [[nodiscard]] MapEntry entry_of(const void* p) const noexcept {
    const std::size_t slice = slice_of(p);
    return slice < slices ? entry(slice) : 0;
  }
};

}  // namespace basalt::engine
