// The spans of one heap: where its bins are filled from, and where they are emptied to.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "../base/compiler.hpp"
#include "../platform/bytes.hpp"
#include "../platform/entropy.hpp"
#include "checks.hpp"
#include "holes.hpp"
#include "page_map.hpp"
#include "space.hpp"
#include "span.hpp"

namespace basalt::engine {

// Everything here is done under the heap's lock, but for `announce`, `note_given` and the bits of Span::remote, which any
// thread sets.
//
// Law: a span of this heap is attached and on the list of its class, or full and on no list, or returned and on the inbox or
//      about to be.
//      A span on a list has at least one bit in `free`; the first of the list is the one being used up.
template <AddressSpaceOs System, class Checks = engine::Checks>
class SpanSupply {
 public:
  // Requires: called once, before anything else.
  void start(Space<System>& space, HeapId id) noexcept {
    space_ = &space;
    id_ = id;
    dice_ = mixed_bits(process_entropy() + address_of(this));
  }

  // Effects: puts slots into an order that nobody can foresee.
  void shuffle(void** slots, unsigned count) noexcept {
    for (; count > 1; --count) {
      dice_ += 0x9e37'79b9'7f4a'7c15U;  // no throw waits for the one before
      std::swap(slots[count - 1], slots[(mixed_bits(dice_) >> 32) * count >> 32]);
    }
  }

  // Effects: it is another order from now on.
  void reseed(std::uint64_t entropy) noexcept { dice_ += entropy; }

  // Effects: writes up to `wanted` free slots of class `c` to `out`, lowest addresses last, so that popping ascends.
  // Returns: how many; 0 when there is no memory.
  [[nodiscard]] unsigned take(SizeClass c, void** out, unsigned wanted) noexcept {
    Span* span = lists_[c];
    if (span == nullptr && collect_inbox()) span = lists_[c];
    if (span == nullptr) span = fresh_span(c);
    if (span == nullptr) return 0;
    const unsigned taken = take_slots(*span, out, wanted);
    if (space_->policy.overlay.shuffled) shuffle(out, taken);
    if (span->free_count == 0) retire(*span);
    return taken;
  }

  // Effects: takes `count` blocks of this heap back.  Errors: a block that is free already, or no block, ends the program.
  void put(void* const* blocks, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) put_one(static_cast<std::byte*>(blocks[i]));
  }

  // Effects: takes what other threads have given back.  Returns: whether there was anything.
  //
  // Not every span on the inbox has something to give: a thread may be slow to announce one, so slow that its slots have
  // been collected and handed out anew.
  bool collect_inbox() noexcept {
    Span* span = inbox_.take_all();
    const bool any = span != nullptr;
    while (span != nullptr) {
      Span* const next = span->inbox_next.load(std::memory_order_relaxed);
      span->remote.arrive();
      enlist(*span);
      if (collect_remote(*span) || span->free_count != 0) {
        release_if_empty(*span);
      } else {
        retire(*span);
      }
      span = next;
    }
    return any;
  }

  // Effects: tells the owner that a full span of its has free slots again. Any thread, when the span's remote part says so.
  void announce(Span& span) noexcept { inbox_.put(span); }

  // Effects: notes that so many bytes have come home from another thread. Any thread.
  // Returns: whether so much waits for an owner who may be asleep that the caller had better collect it.
  [[nodiscard]] bool note_given(std::size_t bytes) noexcept {
    const auto more = static_cast<std::ptrdiff_t>(bytes);
    const auto waiting = uncollected_.fetch_add(more, std::memory_order_relaxed) + more;
    const std::size_t share = owned_.load(std::memory_order_relaxed) / tolerated_share;
    return waiting > static_cast<std::ptrdiff_t>(std::max(share, always_tolerated));
  }

  // Effects: takes all that other threads have given back, and gives every empty span back, also those kept in reserve.
  void release_empty() noexcept {
    collect_inbox();
    for (Span* list : lists_) {
      for (Span* span = list; span != nullptr;) {
        Span* const next = span->next;
        collect_remote(*span);
        if (span->free_count == span->slots) release(*span);
        span = next;
      }
    }
  }

  // Effects: gives the pages back to the system in which there are free slots only.  Returns: the bytes that went.
  std::size_t make_holes() noexcept {
    std::size_t gone = 0;
    for (unsigned c = 1; c < class_count; ++c) {  // spans of class 0 have no pages
      for (Span* span = lists_[c]; span != nullptr; span = span->next) {
        look_over(*span);
        gone += engine::make_holes<System>(*span);
      }
    }
    return gone;
  }

 private:
  // What other threads have given back may wait for its owner up to this. A walk over all spans of a heap, which is what it
  // takes to collect it, is then paid for by as many frees.
  static constexpr std::size_t always_tolerated = MiB;
  static constexpr std::size_t tolerated_share = 8;  // of the heap's spans

  void look_over(const Span& span) const noexcept {
    const Overlay& overlay = space_->policy.overlay;
    if (overlay.idle == nullptr) return;
    each_idle_slot(span, [&](const std::byte* slot) { overlay.idle(overlay.self, slot, span.slot_size); });
  }

  [[nodiscard]] Span* fresh_span(SizeClass c) noexcept {
    const Run run = space_->take_span(c);
    if (run.count == 0) return nullptr;
    Span& span = space_->descriptor(run.first);
    span.cut(space_->address(run.first), c, run.count);
    const Overlay& overlay = space_->policy.overlay;
    if (overlay.wary && !overlay.apart && !run.zero && c != 0)
      clear_bytes(span.begin, run.count * slice_bytes);
    if (overlay.wary && run.zero && c != 0) span.holes = holes_between(0, run.count * slice_bytes);
    span.remote.begin(id_);
    space_->mark(run, entry_for(id_, c), entry_for(id_, c));
    enlist(span);
    owned_.fetch_add(run.count * slice_bytes, std::memory_order_relaxed);
    return &span;
  }

  [[nodiscard]] unsigned take_slots(Span& span, void** out, unsigned wanted) noexcept {
    unsigned taken = 0;
    unsigned last = 0;
    for (unsigned w = 0; taken < wanted && w < Span::words; ++w) {
      std::uint64_t bits = span.free[w];
      for (; bits != 0 && taken < wanted; bits &= bits - 1) {
        last = w * 64 + static_cast<unsigned>(std::countr_zero(bits));
        out[taken++] = span.slot(last);
      }
      span.free[w] = bits;
    }
    span.free_count = static_cast<std::uint16_t>(span.free_count - taken);
    bring_pages(span, fill_holes(span, last));
    for (unsigned low = 0, high = taken; low + 1 < high;) std::swap(out[low++], out[--high]);
    return taken;
  }

  // Whoever is wary reads a slot before it is written to: a page that is not there would be two faults. Of long slots not all pages
  // may be wanted.
  void bring_pages(const Span& span, std::uint64_t filled) const noexcept {
    if (!space_->policy.overlay.wary || span.slot_size > hole_bytes) return;
    for (; filled != 0; filled &= filled - 1)
      touch_for_writing(span.begin + static_cast<unsigned>(std::countr_zero(filled)) * hole_bytes);
  }

  // Effects: a span with nothing left to give leaves the list, unless other threads have given something back.
  void retire(Span& span) noexcept {
    if (collect_remote(span)) return;
    if (span.remote.leave()) {
      unlist(span);
    } else {
      (void)collect_remote(span);
    }
  }

  // In the loops that call this, what is the same for all blocks is then worked out once. The span's address is laundered, since
  // compilers that see where it comes from work it out anew for each of the fields.
  [[gnu::always_inline]] void put_one(std::byte* block) noexcept {
    Span& span = *std::launder(&space_->span_of(space_->slice_of(block)));
    const unsigned slot = Checks::slot(span, block);
    Checks::add(span.free[slot / 64], span, slot);
    span.free_count += 1;
    if (span.remote.state() == SpanState::full && span.remote.come_back()) enlist(span);
    if (span.remote.state() == SpanState::attached) release_if_empty(span);
  }

  // Effects: moves the bits that other threads have set over to `free`.  Returns: whether there were any.
  bool collect_remote(Span& span) noexcept {
    unsigned found = 0;
    for (unsigned w = 0; w < Span::words; ++w) {
      const std::uint64_t bits = span.remote.collect(w);
      Checks::insist_apart(span.free[w], bits, span, w);
      span.free[w] |= bits;
      found += static_cast<unsigned>(std::popcount(bits));
    }
    if (found == 0) return false;
    span.free_count = static_cast<std::uint16_t>(span.free_count + found);
    uncollected_.fetch_sub(static_cast<std::ptrdiff_t>(found) * span.slot_size, std::memory_order_relaxed);
    return true;
  }

  // One empty span of each class is kept, so that a program that goes up and down by one block does not pay each time.
  void release_if_empty(Span& span) noexcept {
    const bool alone = lists_[span.size_class] == &span && span.next == nullptr;
    if (span.free_count == span.slots && !alone) release(span);
  }

  void release(Span& span) noexcept {
    unlist(span);
    span.remote.end();
    const Run run{space_->slice_of(span.begin), span.slices};
    owned_.fetch_sub(run.count * slice_bytes, std::memory_order_relaxed);
    space_->mark(run, 0, 0);
    space_->give(run);
  }

  void enlist(Span& span) noexcept {
    Span*& list = lists_[span.size_class];
    span.previous = nullptr;
    span.next = list;
    if (list != nullptr) list->previous = &span;
    list = &span;
  }

  void unlist(Span& span) noexcept {
    if (span.next != nullptr) span.next->previous = span.previous;
    (span.previous != nullptr ? span.previous->next : lists_[span.size_class]) = span.next;
  }

  Space<System>* space_ = nullptr;
  HeapId id_ = 0;
  std::uint64_t dice_ = 0;
  Span* lists_[class_count] = {};
  Inbox<StdAtomics, Span> inbox_;
  std::atomic<std::ptrdiff_t> uncollected_{0};  // bytes; below 0 when the owner was faster than the count
  std::atomic<std::size_t> owned_{0};           // bytes of all spans
};

}  // namespace basalt::engine
