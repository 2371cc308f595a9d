// The spans of one heap: where its bins are filled from, and where they are emptied to.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../platform/bytes.hpp"
#include "../platform/entropy.hpp"
#include "../platform/fatal.hpp"
#include "holes.hpp"
#include "page_map.hpp"
#include "space.hpp"
#include "span.hpp"

namespace basalt::engine {

// Everything here is done under the heap's lock, but for `announce` and the bits of Span::remote, which any thread sets.
//
// Law: a span of this heap is attached and on the list of its class, or full and on no list, or returned and on the inbox.
//      A span on a list has at least one bit in `free`; the first of the list is the one being used up.
template <AddressSpaceOs System>
class SpanSupply {
 public:
  // Requires: called once, before anything else.
  void start(Space<System>& space, HeapId id) noexcept {
    space_ = &space;
    id_ = id;
    dice_ = process_entropy();
  }

  // Effects: writes up to `wanted` free slots of class `c` to `out`, lowest addresses last, so that popping ascends.
  // Returns: how many; 0 when there is no memory.
  [[nodiscard]] unsigned take(SizeClass c, void** out, unsigned wanted) noexcept {
    Span* span = lists_[c];
    if (span == nullptr && collect_inbox()) span = lists_[c];
    if (span == nullptr) span = fresh_span(c);
    if (span == nullptr) return 0;
    const unsigned taken = take_slots(*span, out, wanted);
    if (space_->policy.overlay.wary) shuffle(out, taken);
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
    for (Span* list : lists_) {
      for (Span* span = list; span != nullptr; span = span->next) gone += engine::make_holes<System>(*span);
    }
    return gone;
  }

 private:
  // What other threads have given back may wait for its owner up to this. A walk over all spans of a heap, which is what it
  // takes to collect it, is then paid for by as many frees.
  static constexpr std::size_t always_tolerated = MiB;
  static constexpr std::size_t tolerated_share = 8;  // of the heap's spans

  [[nodiscard]] Span* fresh_span(SizeClass c) noexcept {
    const Run run = space_->take(span_slices(c));
    if (run.count == 0) return nullptr;
    Span& span = space_->descriptor(run.first);
    span.cut(space_->address(run.first), c, run.count);
    if (space_->policy.overlay.wary && !run.zero) clear_bytes(span.begin, run.count * slice_bytes);
    span.remote.begin(id_);
    space_->mark(run, entry_for(id_, c), entry_for(id_, c));
    enlist(span);
    owned_.fetch_add(run.count * slice_bytes, std::memory_order_relaxed);
    return &span;
  }

  [[nodiscard]] static unsigned take_slots(Span& span, void** out, unsigned wanted) noexcept {
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
    fill_holes(span, last);
    for (unsigned low = 0, high = taken; low + 1 < high;) std::swap(out[low++], out[--high]);
    return taken;
  }

  void shuffle(void** slots, unsigned count) noexcept {
    for (; count > 1; --count) {
      dice_ = mixed_bits(dice_ + address_of(this));
      std::swap(slots[count - 1], slots[dice_ % count]);
    }
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

  void put_one(std::byte* block) noexcept {
    Span& span = space_->span_of(space_->slice_of(block));
    const unsigned slot = checked_slot(span, block);
    const std::uint64_t bit = std::uint64_t{1} << slot % 64;
    if ((span.free[slot / 64] & bit) != 0) refuse_double(block);
    span.free[slot / 64] |= bit;
    span.free_count += 1;
    if (span.remote.state() == SpanState::full && span.remote.come_back()) enlist(span);
    if (span.remote.state() == SpanState::attached) release_if_empty(span);
  }

  // Effects: moves the bits that other threads have set over to `free`.  Returns: whether there were any.
  bool collect_remote(Span& span) noexcept {
    unsigned found = 0;
    for (unsigned w = 0; w < Span::words; ++w) {
      const std::uint64_t bits = span.remote.collect(w);
      if ((span.free[w] & bits) != 0) {
        refuse_double(span.slot(w * 64 + static_cast<unsigned>(std::countr_zero(span.free[w] & bits))));
      }
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
