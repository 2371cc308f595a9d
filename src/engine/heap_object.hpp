// A heap that is an object: any thread allocates from it and frees to it, and it ends as a whole.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "crimes.hpp"
#include "holes.hpp"
#include "large.hpp"
#include "lock.hpp"
#include "page_map.hpp"
#include "short_path.hpp"
#include "size_class.hpp"
#include "space.hpp"
#include "span.hpp"

// Never defined: what points to it is a number in a pointer's clothes, see HeapObjects.
struct basalt_heap;

namespace basalt::engine {

// Asked, with no lock held, when a request does not fit below a heap's limit, or there is no memory.
// Returns: 0 to refuse the request; anything else to try it again.
using HeapFull = int (*)(basalt_heap* heap, std::size_t size, void* context);

// What a heap object is made with.
struct HeapTerms {
  const char* name = nullptr;    // for messages and statistics; copied, and cut to HeapObject::longest_name
  std::size_t limit = SIZE_MAX;  // bytes that the heap may take up in whole slices
  HeapFull full = nullptr;       // none: what does not fit is refused
  void* context = nullptr;       // handed to `full`
};

// The law: live_bytes <= mapped_bytes <= peak_mapped_bytes.
struct HeapFigures {
  std::size_t live_blocks = 0;
  std::size_t live_bytes = 0;         // in the hands of the program, rounding included
  std::size_t mapped_bytes = 0;       // taken up in spans and large blocks
  std::size_t peak_mapped_bytes = 0;  // the most that has been
  std::size_t limit_bytes = SIZE_MAX;
};

// Spans, or large blocks, linked by their descriptors.
struct SpanList {
  Span* first = nullptr;

  void add(Span& span) noexcept {
    span.previous = nullptr;
    span.next = first;
    if (first != nullptr) first->previous = &span;
    first = &span;
  }

  void remove(Span& span) noexcept {
    if (span.next != nullptr) span.next->previous = span.previous;
    (span.previous != nullptr ? span.previous->next : first) = span.next;
  }
};

// Everything but `start` requires the lock. There are no bins and no remote frees: a free has happened when it returns,
// so that the heap can end as soon as the last call has.
//
// Law: a span of this heap is on the list of its class if a slot of it is free, else on `full_`; a large block is on
//      `large_`. Their map entries carry the heap's id.
template <AddressSpaceOs System>
class HeapObject {
 public:
  static constexpr std::size_t longest_name = 31;  // bytes

  Lock lock;
  HeapObject* next_unused = nullptr;
  std::uintptr_t generation = 0;  // how many heaps have had this id before

  // Requires: called once, before anything else.
  void start(Space<System>& space, HeapId id) noexcept {
    space_ = &space;
    id_ = id;
  }

  void begin(const HeapTerms& terms) noexcept {
    terms_ = terms;
    std::size_t length = 0;
    for (; terms.name != nullptr && terms.name[length] != '\0' && length < longest_name; ++length) {
      name_[length] = terms.name[length];
    }
    name_[length] = '\0';
    figures_ = {.limit_bytes = terms.limit};
  }

  // Effects: everything goes back to the space at once, and who holds a handle holds a dead one.
  void end() noexcept {
    ++generation;
    for (SpanList& list : partial_) release_all(list);
    release_all(full_);
    while (large_.first != nullptr) {
      const std::size_t slice = slice_of(*large_.first);
      give_large(space_->address(slice), slice, space_->entry(slice));
    }
  }

  [[nodiscard]] HeapId id() const noexcept { return id_; }
  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] const HeapTerms& terms() const noexcept { return terms_; }
  [[nodiscard]] const HeapFigures& figures() const noexcept { return figures_; }
  void limit(std::size_t bytes) noexcept { figures_.limit_bytes = bytes; }

  // Returns: a block, or nullptr.  Requires: alignment is a power of two.
  [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept {
    if (size > largest_small || alignment > slice_bytes) return take_large(size, alignment);
    return take_slot(class_of(slot_for(size, alignment)));
  }

  // Requires: `entry` is the entry of `slice`, in which p lies, and this heap's.
  // Errors: what is free already, or is no block, ends the program.
  void put(void* p, std::size_t slice, MapEntry entry) noexcept {
    if (kind_of(entry) == Kind::object_span) return put_slot(static_cast<std::byte*>(p));
    give_large(p, slice, entry);
  }

  // Returns: the block at its new size, if its memory could be kept without a copy; else nullptr, and it is as it was.
  // Requires: as `put`.
  [[nodiscard]] void* resize(void* p, std::size_t slice, MapEntry entry, std::size_t size) noexcept {
    const std::size_t old = usable_size(*space_, slice, entry);
    if (size <= old && size >= old - old / 4) return p;
    if (kind_of(entry) == Kind::object_span || size > max_request) return nullptr;
    if (size > old && !fits(align_up(size, slice_bytes) - old)) return nullptr;
    forget_large(slice, entry);
    void* const resized = large().resize(p, size);
    keep_large(resized == nullptr ? p : resized);
    return resized;
  }

  [[nodiscard]] static std::size_t usable_size(Space<System>& space, std::size_t slice,
                                               MapEntry entry) noexcept {
    if (kind_of(entry) == Kind::object_span) return space.span_of(slice).slot_size;
    return LargeBlocks<System>{space}.usable_size(slice, without_owner(entry));
  }

  // Effects: gives the empty spans back that are kept in reserve.
  void shed() noexcept {
    for (SpanList& list : partial_) {
      for (Span* span = list.first; span != nullptr;) {
        Span* const next = span->next;
        if (span->free_count == span->slots) release(list, *span);
        span = next;
      }
    }
  }

  // Effects: gives the pages back to the system in which there are free slots only.  Returns: the bytes that went.
  std::size_t make_holes() noexcept {
    std::size_t gone = 0;
    for (SpanList& list : partial_) {
      for (Span* span = list.first; span != nullptr; span = span->next)
        gone += engine::make_holes<System>(*span);
    }
    return gone;
  }

  // Calls `visit` with every span and its class.
  template <class Visitor>
  void each_span(Visitor&& visit) const noexcept {
    for (const SpanList& list : partial_) {
      for (const Span* span = list.first; span != nullptr; span = span->next) visit(*span);
    }
    for (const Span* span = full_.first; span != nullptr; span = span->next) visit(*span);
  }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() const noexcept {
    const char* broken = nullptr;
    std::size_t live = 0;
    std::size_t mapped = 0;
    each_span([&](const Span& span) {
      if (broken == nullptr) broken = span.broken_law();
      live += std::size_t{span.slot_size} * (span.slots - span.free_count);
      mapped += span.slices * slice_bytes;
    });
    for (Span* block = large_.first; block != nullptr; block = block->next) {
      const std::size_t slice = slice_of(*block);
      live += usable_size(*space_, slice, space_->entry(slice));
      mapped += usable_size(*space_, slice, space_->entry(slice));
    }
    if (broken != nullptr) return broken;
    if (live != figures_.live_bytes) return "a heap object counts its live bytes rightly";
    return mapped == figures_.mapped_bytes ? nullptr : "a heap object counts its mapped bytes rightly";
  }

 private:
  [[nodiscard]] LargeBlocks<System> large() const noexcept { return LargeBlocks<System>{*space_}; }

  // Returns: whether the heap may take up so many bytes more.
  [[nodiscard]] bool fits(std::size_t bytes) noexcept {
    if (has_room_for(bytes)) return true;
    shed();
    return has_room_for(bytes);
  }

  [[nodiscard]] bool has_room_for(std::size_t bytes) const noexcept {
    return figures_.mapped_bytes <= figures_.limit_bytes &&
           bytes <= figures_.limit_bytes - figures_.mapped_bytes;
  }

  [[nodiscard]] void* take_slot(SizeClass c) noexcept {
    Span* const span = partial_[c].first != nullptr ? partial_[c].first : fresh_span(c);
    if (span == nullptr) return nullptr;
    unsigned w = 0;
    while (span->free[w] == 0) ++w;
    const unsigned slot = w * 64 + static_cast<unsigned>(std::countr_zero(span->free[w]));
    span->free[w] &= span->free[w] - 1;
    span->free_count -= 1;
    fill_holes(*span, slot);
    if (span->free_count == 0) {
      partial_[c].remove(*span);
      full_.add(*span);
    }
    count_in(span->slot_size);
    return span->slot(slot);
  }

  [[nodiscard]] Span* fresh_span(SizeClass c) noexcept {
    if (!space_->ready() || !fits(span_slices(c) * slice_bytes)) return nullptr;
    const Run run = space_->take(span_slices(c));
    if (run.count == 0) return nullptr;
    Span& span = space_->descriptor(run.first);
    span.cut(space_->address(run.first), c, run.count);
    space_->mark(run, entry_for(id_, Kind::object_span), entry_for(id_, Kind::object_span));
    partial_[c].add(span);
    map_in(run.count * slice_bytes);
    return &span;
  }

  void put_slot(std::byte* block) noexcept {
    Span& span = space_->span_of(space_->slice_of(block));
    const unsigned slot = checked_slot(span, block, Noticed::at_once);
    const std::uint64_t bit = std::uint64_t{1} << slot % 64;
    if ((span.free[slot / 64] & bit) != 0) refuse_double(span, block, Noticed::at_once);
    SpanList& list = partial_[span.size_class];
    if (span.free_count == 0) {
      full_.remove(span);
      list.add(span);
    }
    span.free[slot / 64] |= bit;
    span.free_count += 1;
    count_out(span.slot_size);
    // One empty span of each class is kept, as in SpanSupply.
    const bool alone = list.first == &span && span.next == nullptr;
    if (span.free_count == span.slots && !alone) release(list, span);
  }

  void release(SpanList& list, Span& span) noexcept {
    list.remove(span);
    const Run run{slice_of(span), span.slices};
    figures_.mapped_bytes -= run.count * slice_bytes;
    space_->mark(run, 0, 0);
    space_->give(run);
  }

  void release_all(SpanList& list) noexcept {
    while (list.first != nullptr) {
      Span& span = *list.first;
      const unsigned live = span.slots - span.free_count;
      figures_.live_blocks -= live;
      figures_.live_bytes -= std::size_t{live} * span.slot_size;
      release(list, span);
    }
  }

  [[nodiscard]] void* take_large(std::size_t size, std::size_t alignment) noexcept {
    if (size > max_request || !fits(align_up(std::max<std::size_t>(size, 1), slice_bytes))) return nullptr;
    void* const block = large().allocate(size, alignment);
    if (block != nullptr) keep_large(block);
    return block;
  }

  void give_large(void* p, std::size_t slice, MapEntry entry) noexcept {
    forget_large(slice, entry);
    (void)large().free(p, slice, without_owner(entry));
  }

  // Effects: a large block that is nobody's becomes this heap's.
  void keep_large(void* block) noexcept {
    const std::size_t slice = space_->slice_of(block);
    const MapEntry entry = with_owner(space_->entry(slice), id_);
    space_->descriptor(slice).begin = static_cast<std::byte*>(block);
    large_.add(space_->descriptor(slice));
    space_->mark({slice, 1}, entry, 0);
    const std::size_t bytes = usable_size(*space_, slice, entry);
    map_in(bytes);
    count_in(bytes);
  }

  // The other way round.
  void forget_large(std::size_t slice, MapEntry entry) noexcept {
    const std::size_t bytes = usable_size(*space_, slice, entry);
    large_.remove(space_->descriptor(slice));
    space_->mark({slice, 1}, without_owner(entry), 0);
    figures_.mapped_bytes -= bytes;
    count_out(bytes);
  }

  [[nodiscard]] std::size_t slice_of(const Span& span) const noexcept { return space_->slice_of(span.begin); }

  void map_in(std::size_t bytes) noexcept {
    figures_.mapped_bytes += bytes;
    figures_.peak_mapped_bytes = std::max(figures_.peak_mapped_bytes, figures_.mapped_bytes);
  }
  void count_in(std::size_t bytes) noexcept {
    figures_.live_blocks += 1;
    figures_.live_bytes += bytes;
  }
  void count_out(std::size_t bytes) noexcept {
    figures_.live_blocks -= 1;
    figures_.live_bytes -= bytes;
  }

  Space<System>* space_ = nullptr;
  HeapId id_ = 0;
  char name_[longest_name + 1] = {};
  HeapTerms terms_;
  HeapFigures figures_;
  SpanList partial_[class_count];
  SpanList full_;
  SpanList large_;
};

}  // namespace basalt::engine
