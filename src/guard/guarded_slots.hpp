// Guarded slots: blocks with pages on both sides that may not be touched, and whose own pages may not be touched once they are
// freed. A few of a program's blocks lie here, chosen at random; what is done wrong to one of them is found at once.
//
//      | guard |           slot 0            | guard |           slot 1            | guard |  - - -
//      |xxxxxxx|block..|xxxxxxxxxxxxxxxxxxxxx|xxxxxxx|xxxxxxxxxxxxxxxxxxxxx|..block|xxxxxxx|
//               left: an underflow faults                            right: an overflow faults
//
// x: may not be touched. The dots are what the last page has besides the block: filled with a pattern, and compared when the block is
// freed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "../base/bits.hpp"
#include "../base/origin.hpp"
#include "../base/published.hpp"
#include "../base/range.hpp"
#include "../base/spin_lock.hpp"
#include "../platform/backoff.hpp"
#include "../platform/entropy.hpp"
#include "../platform/faults.hpp"
#include "../platform/fenced.hpp"
#include "../platform/fork_lock.hpp"
#include "../platform/os.hpp"
#include "../platform/stack.hpp"
#include "crimes.hpp"
#include "sampling.hpp"
#include "slot.hpp"

namespace basalt::guard {

struct Request {
  std::size_t size = 0;
  std::size_t alignment = 1;
  Origin origin = Origin::unknown;
  std::size_t rounding = 0;  // bytes that the block would have elsewhere
};

// Slots are used in the order in which they became free, so each block stays forbidden for as long as that can be had.
// Nothing is mapped before the first request; then as many slots as were wished for at that moment, for good.
//
// Law: a slot is on the queue if and only if it is vacant or freed, but for those on which somebody is at work, and those whose
// pages the system did not take back, which are not used again.
template <AddressSpaceOs System>
class GuardedSlots {
 public:
  using Lock = ForkLock<SpinLock<Backoff>>;
  static constexpr std::size_t largest = 256 * KiB;  // bytes of a block

  constexpr GuardedSlots() noexcept = default;

  // Whether p lies among the slots, guards included. Any pointer may be asked about.
  [[nodiscard]] bool owns(const void* p) const noexcept {
    const Region* const region = region_.get();
    return region != nullptr && address_of(p) - address_of(region->begin) < region->bytes();
  }

  // Returns: a guarded block, its bytes all 0; nullptr when there is no slot for it.
  [[nodiscard]] void* allocate(const Request& request, std::uint32_t slots) noexcept {
    const std::size_t page = System::page_size();
    if (request.size > largest || request.alignment > page) return nullptr;
    Stack caller;
    caller.capture();
    Region* const region = ready(slots);
    if (region == nullptr) return nullptr;
    const std::uint32_t number = take(*region);
    if (number == none) return nullptr;
    Slot& slot = region->slots[number];
    place(*region, number, request);
    if (System::open(slot.pages)) {
      slot.block = nullptr;
      Holding hold{lock_};
      put(*region, number);
      return nullptr;
    }
    fill_rest(slot);
    slot.allocated = caller;
    Holding hold{lock_};
    live_bytes_.fetch_add(slot.pages.size, std::memory_order_relaxed);
    slot.state.become(State::live);
    return slot.block;
  }

  // Effects: the block's pages may not be touched from now on.  Requires: owns(p).  Returns: true.
  // Errors: whatever is not the beginning of a live block from `origin` ends the program, and so does a block that was written
  // beyond.
  bool free(void* p, Origin origin) noexcept {
    Stack caller;
    caller.capture();
    Region& region = *region_.get();
    Slot& slot = insist(p, nullptr, caller);
    if (!go_together(slot.origin, origin)) refuse_origin(slot, origin, caller);
    if (!slot.state.leave()) refuse_freed(slot, nullptr, caller);
    check_rest(slot, caller);
    slot.freed = caller;
    const bool closed = !System::close(slot.pages);
    Holding hold{lock_};
    live_bytes_.fetch_sub(slot.pages.size, std::memory_order_relaxed);
    slot.state.become(State::freed);
    if (closed) put(region, static_cast<std::uint32_t>(&slot - region.slots));
    return true;
  }

  // Errors: a live block that has not `size` bytes ends the program.
  void insist_on_size(const void* p, std::size_t size) const noexcept {
    Stack caller;
    caller.capture();
    const Slot& slot = insist(p, nullptr, caller);
    if (slot.size != size) refuse_size(slot, size, caller);
  }

  // Returns: how many bytes were asked for.  Requires: owns(p).  Errors: as free.
  [[nodiscard]] std::size_t usable_size(const void* p, const char* caller) const noexcept {
    Stack stack;
    stack.capture();
    return insist(p, caller, stack).size;
  }

  // Returns: a number that nobody can foresee without knowing where the system put the slots.
  [[nodiscard]] std::uint64_t random() noexcept {
    return mixed_bits(random_.fetch_add(0x9e37'79b9'7f4a'7c15U, std::memory_order_relaxed) +
                      address_of(region_.known()) + address_of(this) + process_entropy());
  }

  // Returns: nullptr if every law holds, else the one that is broken, in words.  Requires: the lock.
  [[nodiscard]] const char* broken_law() const noexcept {
    const Region* const region = region_.get();
    if (region == nullptr) return nullptr;
    std::size_t bytes = 0;
    std::uint32_t live = 0;
    for (std::uint32_t i = 0; i < region->count; ++i) {
      const Slot& slot = region->slots[i];
      const State state = slot.state.now();
      if (state != State::live && state != State::leaving) continue;
      if (!slot.pages.contains({slot.block, slot.size})) return "a guarded block lies in its pages";
      bytes += slot.pages.size;
      ++live;
    }
    if (live + region->queued > region->count) return "a guarded slot is live or on the queue";
    return bytes == live_bytes() ? nullptr : "the pages of guarded blocks sum to what is counted";
  }

  // Bytes of pages that live blocks have; and of what is mapped to tell of all.
  [[nodiscard]] std::size_t live_bytes() const noexcept {
    return live_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t table_bytes() const noexcept {
    const Region* const region = region_.get();
    return region == nullptr ? 0 : region->table_bytes;
  }
  // Effects: calls visit(range) for the mapping in which they are told of, if there is one.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    Region* const region = region_.get();
    if (region != nullptr) visit(Range{reinterpret_cast<std::byte*>(region), region->table_bytes});
  }

  // Effects: a forked child draws other numbers than its parent goes on to draw.
  void reseed() noexcept { random_.fetch_add(child_entropy(), std::memory_order_relaxed); }

  // Of the queue.
  [[nodiscard]] Lock& lock() const noexcept { return lock_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  // Mapped in one piece: this, the slots' descriptions, the queue.
  struct Region : FaultListener {
    const GuardedSlots* owner = nullptr;
    std::byte* begin = nullptr;
    std::uint32_t count = 0;  // slots
    std::size_t page = 0;
    std::size_t table_bytes = 0;
    Slot* slots = nullptr;
    std::uint32_t* queue = nullptr;  // a ring of slots' numbers, under the lock
    std::uint32_t first = 0;
    std::uint32_t queued = 0;

    [[nodiscard]] std::size_t stride() const noexcept { return largest + page; }
    [[nodiscard]] std::size_t bytes() const noexcept { return count * stride() + page; }
    [[nodiscard]] std::byte* slot_begin(std::uint32_t number) const noexcept {
      return begin + page + number * stride();
    }
    // Returns: the slot in which `address` lies, or before which it lies in a guard; the last one for the last guard.
    [[nodiscard]] std::uint32_t slot_at(std::uintptr_t address) const noexcept {
      return std::min(static_cast<std::uint32_t>((address - address_of(begin)) / stride()), count - 1);
    }
  };

  [[nodiscard]] Region* ready(std::uint32_t slots) noexcept {
    if (Region* const region = region_.get()) return region;
    if (slots == 0) return nullptr;
    Region* const fresh = made(slots);
    if (fresh == nullptr) return nullptr;
    if (Region* const first = region_.offer(fresh); first != fresh) {
      (void)System::unmap({fresh->begin, fresh->bytes()});
      Fenced<System>::unmap(reinterpret_cast<std::byte*>(fresh), fresh->table_bytes);
      return first;
    }
    listen_to_faults(*fresh);
    return fresh;
  }

  // Memory of the system is zero; what is in it is made nevertheless.
  [[nodiscard]] Region* made(std::uint32_t count) const noexcept {
    const std::size_t page = System::page_size();
    const std::size_t bytes = align_up(sizeof(Region) + count * (sizeof(Slot) + sizeof(std::uint32_t)), page);
    const Result<std::byte*> table = Fenced<System>::map(bytes);
    if (!table.ok()) return nullptr;
    auto* const region = new (table.value) Region;
    region->hear = hear;
    region->owner = this;
    region->count = count;
    region->page = page;
    region->table_bytes = bytes;
    region->slots = reinterpret_cast<Slot*>(table.value + sizeof(Region));
    region->queue = reinterpret_cast<std::uint32_t*>(region->slots + count);
    for (std::uint32_t i = 0; i < count; ++i) {
      new (region->slots + i) Slot;
      region->queue[i] = i;
    }
    region->queued = count;
    const Result<std::byte*> place = System::reserve(region->bytes());
    region->begin = place.value;
    if (place.ok()) return region;
    Fenced<System>::unmap(table.value, bytes);
    return nullptr;
  }

  [[nodiscard]] std::uint32_t take(Region& region) noexcept {
    Holding hold{lock_};
    if (region.queued == 0) return none;
    const std::uint32_t number = region.queue[region.first];
    region.first = (region.first + 1) % region.count;
    --region.queued;
    return number;
  }

  // Requires: the lock.
  void put(Region& region, std::uint32_t number) noexcept {
    region.queue[(region.first + region.queued) % region.count] = number;
    ++region.queued;
  }

  // Effects: chooses the end of the slot at which the block lies.  Requires: the slot is the caller's.
  void place(const Region& region, std::uint32_t number, const Request& request) noexcept {
    Slot& slot = region.slots[number];
    const std::size_t size = std::max<std::size_t>(request.size, 1);
    const std::size_t alignment = std::max<std::size_t>(request.alignment, 16);
    const std::size_t whole = align_up(size, region.page);
    std::byte* const begin = region.slot_begin(number);
    const bool right = (random() & 1) != 0;
    slot.state.become(State::vacant);
    slot.pages = {right ? begin + largest - whole : begin, whole};
    slot.block = right ? align_down(slot.pages.end() - size, alignment) : begin;
    slot.size = request.size;
    slot.rounding = request.rounding;
    slot.origin = request.origin;
    slot.freed = {};
  }

  static void fill_rest(const Slot& slot) noexcept {
    std::fill(slot.pages.begin, slot.block, pattern);
    std::fill(slot.end(), slot.pages.end(), pattern);
  }

  static void check_rest(const Slot& slot, const Stack& caller) noexcept {
    const auto differs = [](std::byte byte) { return byte != pattern; };
    std::byte* const behind = std::find_if(slot.end(), slot.pages.end(), differs);
    if (behind != slot.pages.end()) report_write(slot, behind, caller);
    std::byte* before = slot.block;
    while (before != slot.pages.begin && before[-1] == pattern) --before;
    if (before != slot.pages.begin) report_write(slot, before - 1, caller);
  }

  // Returns: the slot of which p is the live block.  Errors: if there is none, the program ends; `caller` nullptr is a free.
  Slot& insist(const void* p, const char* caller, const Stack& now) const noexcept {
    const Region& region = *region_.get();
    Slot& slot = region.slots[region.slot_at(address_of(p))];
    const State state = slot.state.now();
    if (state == State::live && p == slot.block) return slot;
    if (slot.known() && p == slot.block) refuse_freed(slot, caller, now);
    refuse_inside(slot, p, caller, now);
  }

  // Effects: a fault among the slots ends the program. It is of the block that is nearest: in the slot where it happened, or in
  // one beside that.
  static void hear(FaultListener& self, const Fault& fault) noexcept {
    const auto& region = static_cast<const Region&>(self);
    if (fault.address - address_of(region.begin) >= region.bytes()) return;
    const std::uint32_t number = region.slot_at(fault.address);
    const Slot* nearest = &region.slots[number];
    const auto consider = [&](const Slot& other) {
      const bool nearer =
          !nearest->known() || other.distance(fault.address) < nearest->distance(fault.address);
      if (other.known() && nearer) nearest = &other;
    };
    if (number != 0) consider(region.slots[number - 1]);
    if (number + 1 != region.count) consider(region.slots[number + 1]);
    Stack now;
    now.walk(fault.pc, fault.frame);
    report_fault(*nearest, fault, now);
  }

  Published<Region*> region_;
  std::atomic<std::uint64_t> random_{0};
  std::atomic<std::size_t> live_bytes_{0};
  mutable Lock lock_;
};

}  // namespace basalt::guard
