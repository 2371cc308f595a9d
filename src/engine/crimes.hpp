// What the engine says of a program that frees what it must not free. The text is part of the interface:
// docs/reference/messages.md.
#pragma once

#include <cstddef>

#include "../base/range.hpp"
#include "../platform/report.hpp"
#include "page_map.hpp"
#include "span.hpp"

namespace basalt::engine {

inline constexpr const char* freed_before = "something has freed this block before";
inline constexpr const char* freed_before_later =
    "something has freed this block twice, some time ago; the hardened library notices at once";
inline constexpr const char* moved =
    "this pointer has moved since it was allocated, or is part of something larger";

// What follows reads nothing but what never goes away, and what any thread may read: no lock is needed.

// Effects: a line about the slot at `block`, or in which it lies, but for its end: whose it is.
[[gnu::cold]] inline void describe_slot(Report& report, const Span& span, const void* block) noexcept {
  const std::size_t offset = address_of(block) - address_of(span.begin);
  report << "  block: slot " << std::size_t{span.slot_of(offset)} << " of " << std::size_t{span.slots} << ", "
         << std::size_t{span.slot_size} << " bytes each, in the span at "
         << static_cast<const void*>(span.begin);
}

// Effects: the whole line.
inline void describe(Report& report, const Span& span, const void* block) noexcept {
  if (span.slot_size == 0) {
    report << "  block: the span in which it was is another thing by now\n";
    return;
  }
  const HeapId owner = span.remote.owner();
  describe_slot(report, span, block);
  if (owner == 0) {
    report << " of a heap object\n";
    return;
  }
  report << " of heap " << std::size_t{owner}
         << (span.remote.state() == SpanState::attached ? ", which still gives from it\n"
                                                        : ", which has given all of it\n");
}

// `bytes` is 0 where it is not known how large the block is.
[[gnu::cold]] inline void describe_large(Report& report, const void* begin, std::size_t bytes) noexcept {
  if (bytes != 0) report << "  block: " << bytes << " bytes at " << begin << "\n";
}

// Effects: a line about the block in which p lies, or nothing if none is known. `Space` is one of the engine's.
template <class Space>
[[gnu::cold, gnu::noinline]] void describe_block(Report& report, const Space& space, const void* p) noexcept {
  std::size_t slice = space.slice_of(p);
  if (slice == Space::none) return;
  while (kind_of(space.entry(slice)) == Kind::interior) --slice;
  const MapEntry entry = space.entry(slice);
  const Kind kind = kind_of(entry);
  if (is_span(entry) || kind == Kind::object_span) return describe(report, space.span_of(slice), p);
  if (kind == Kind::large || kind == Kind::object_large)
    describe_large(report, space.address(slice), space.descriptor(slice).slices * slice_bytes);
  if (kind == Kind::huge || kind == Kind::object_huge)
    describe_large(report, space.address(slice), space.huge_size(slice));
}

[[noreturn, gnu::cold]] inline void refuse_double(const Span& span, const void* block,
                                                  Noticed when) noexcept {
  Report report;
  report << "basalt: double free: " << block << " is free already\n";
  describe(report, span, block);
  end_report(report, when, when == Noticed::late ? freed_before_later : freed_before);
}

// The same where there is no span: what is above 32 KiB is nobody's when it is freed.
[[noreturn, gnu::cold]] inline void refuse_double(const void* block) noexcept {
  Report report;
  report << "basalt: double free: " << block << " is free already\n  block: there is none any more\n";
  end_report(report, Noticed::at_once, freed_before);
}

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_inside(const Span& span, const void* p,
                                                                 Noticed when) noexcept {
  if (span.slot_size == 0) refuse_double(span, p, when);  // it was in a span that went, and so had it gone
  Report report;
  report << "basalt: invalid pointer in free: " << p
         << " is not the beginning of a block; it lies in a block of " << std::size_t{span.slot_size}
         << " bytes\n";
  describe(report, span, p);
  end_report(report, when, moved);
}

[[noreturn, gnu::cold]] inline void refuse_inside_large(const void* p, const void* begin,
                                                        std::size_t bytes) noexcept {
  Report report;
  report << "basalt: invalid pointer in free: " << p << " lies inside a large block\n";
  describe_large(report, begin, bytes);
  end_report(report, Noticed::at_once, moved);
}

template <class Space>
[[noreturn, gnu::cold]] void refuse_size(const Space& space, const void* p, std::size_t size,
                                         std::size_t usable) noexcept {
  Report report;
  report << "basalt: invalid size in free_sized: " << p << " has " << usable
         << " usable bytes and cannot have been asked for with " << size << "\n";
  describe_block(report, space, p);
  end_report(report, Noticed::at_once,
             "an object may have been deleted through a base class without a virtual destructor");
}

// Returns: the number of the slot that begins at `block`.  Errors: ends the program if none does.
// Every block that goes home comes by here: a call would cost as much as what it does.
[[nodiscard, gnu::always_inline]] inline unsigned checked_slot(const Span& span, const std::byte* block,
                                                               Noticed when = Noticed::late) noexcept {
  const unsigned slot = span.slot_at(address_of(block) - address_of(span.begin));
  if (slot < span.slots) [[likely]]
    return slot;
  refuse_inside(span, block, when);
}

}  // namespace basalt::engine
