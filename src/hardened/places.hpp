// Where a pointer points to, as far as the protections have to know.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../engine/heap.hpp"
#include "../engine/large.hpp"
#include "../engine/space.hpp"
#include "crimes.hpp"

namespace basalt::hardened {

// engine::slot_bytes, looked up rather than worked out.  Requires: c < engine::class_count.
[[nodiscard, gnu::always_inline]] inline std::size_t slot_size_of(std::size_t c) noexcept {
  static constexpr auto sizes = [] {
    std::array<std::uint16_t, engine::class_count> table{};
    for (unsigned i = 0; i < engine::class_count; ++i)
      table[i] = static_cast<std::uint16_t>(engine::slot_bytes(i));
    return table;
  }();
  return sizes[c];
}

// A slot of a span, found on the shortest way: by the copy of the window that the thread's heap has.
struct Slot {
  std::size_t slice = 0;
  std::size_t usable =
      0;  // bytes, with what lies behind those that were asked for; 0: it has to be asked for as a Block
};

template <class Heap>
[[nodiscard, gnu::always_inline]] inline Slot slot_at(const Heap& heap, const void* p) noexcept {
  const std::size_t slice = heap.window.slice_of(p);
  if (slice >= heap.window.slices) [[unlikely]]
    return {};
  const std::size_t c = heap.window.entry(slice) & 0xff;
  if (c - 1 >= engine::class_count - 1) [[unlikely]]  // none, or one of which nothing may be touched
    return {};
  return {slice, slot_size_of(c)};
}

// The same for whatever is protected: `usable` is 0 unless a protected block begins in this slice.
struct Block {
  std::size_t slice = 0;
  engine::MapEntry entry = 0;
  std::size_t usable = 0;

  [[nodiscard]] bool protects() const noexcept { return usable != 0; }
  [[nodiscard]] bool small() const noexcept { return engine::is_span(entry); }
  [[nodiscard]] bool huge() const noexcept { return engine::kind_of(entry) == engine::Kind::huge; }
  // Whether nothing may be written to it, since nothing was asked for.
  [[nodiscard]] bool closed() const noexcept { return small() && (entry & 0xff) == 0; }
};

template <AddressSpaceOs System>
[[nodiscard]] Block block_at(engine::Space<System>& space, const void* p) noexcept {
  const std::size_t slice = space.slice_of(p);
  if (slice == engine::Space<System>::none) return {};
  const engine::MapEntry entry = space.entry(slice);
  if (engine::is_span(entry)) return {slice, entry, slot_size_of(entry & 0xff)};
  return {slice, entry,
          p == space.address(slice) ? engine::LargeBlocks<System>{space}.usable_size(slice, entry) : 0};
}

// Errors: p points to no block that lives: the program ends. `caller` nullptr is a free.
template <AddressSpaceOs System>
[[noreturn, gnu::cold, gnu::noinline]] void refuse(const engine::Space<System>& space, const void* p,
                                                   const char* caller) noexcept {
  const std::size_t slice = space.slice_of(p);
  const bool small = engine::is_span(space.entry(slice));
  const engine::Span* const span = small ? &space.span_of(slice) : nullptr;
  if (small) (void)engine::checked_slot(*span, static_cast<const std::byte*>(p), Noticed::at_once);
  if (caller != nullptr) refuse_freed(space, p, caller);
  if (small) engine::refuse_double(*span, p, Noticed::at_once);
  engine::refuse_double(p);
}

// Errors: where something was written to these slices, in which there are free slots only, the program ends.
template <class Wipe, AddressSpaceOs System>
void insist_on_zero(const engine::Space<System>& space, std::size_t first, std::size_t count) noexcept {
  for (std::size_t slice = first; slice < first + count; ++slice) {
    const std::uint64_t* const written = Wipe::first_written(space.address(slice), engine::slice_bytes);
    if (written == nullptr) continue;
    const engine::Span& span = space.span_of(slice);
    const std::byte* const block = span.slot(span.slot_of(address_of(written) - address_of(span.begin)));
    refuse_late_write(FreeSpan{span}, written, block, address_of(written) - address_of(block));
  }
}

}  // namespace basalt::hardened
