// A heap: what a thread allocates from.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/compiler.hpp"
#include "../base/range.hpp"
#include "lock.hpp"
#include "outbox.hpp"
#include "page_map.hpp"
#include "policy.hpp"
#include "size_class.hpp"
#include "span_supply.hpp"
#include "statistics.hpp"

namespace basalt::engine {

// A stack of free slots of one class. Between `base` and `top` lie the slots, the coldest at the base.
//
//      base            top                  limit
//      v               v                    v
//      | p | p | p | p |                    |
//
// Only the heap's own thread pushes and pops, without a lock. `base` and `limit` change under the lock, so whoever holds
// it may look on; `top` moves all the time, so it is atomic, at no cost. It is stored after the slot it uncovers, so that a
// child whose parent's thread was in the midst of it loses one slot at most.
class Bin {
 public:
  [[nodiscard]] bool empty() const noexcept { return top() == base_; }
  [[nodiscard]] bool full() const noexcept { return top() == limit_; }
  [[nodiscard]] std::size_t held() const noexcept { return static_cast<std::size_t>(top() - base_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(limit_ - base_); }
  [[nodiscard]] void** base() const noexcept { return base_; }

  // Returns: whether there was a slot to give.
  [[nodiscard, gnu::always_inline]] bool pop(void*& slot) noexcept {
    void** const end = top();
    if (end == base_) return false;
    top_.store(end - 1, std::memory_order_relaxed);
    slot = end[-1];
    return true;
  }

  // Returns: whether there was room.
  [[nodiscard, gnu::always_inline]] bool push(void* slot) noexcept {
    void** const end = top();
    if (end == limit_) return false;
    *end = slot;
    top_.store(end + 1, std::memory_order_release);
    return true;
  }

  // Effects: says how many slots lie in the array now, from its base on.
  void hold(std::size_t slots) noexcept { top_.store(base_ + slots, std::memory_order_release); }

  // Effects: the `slots` coldest ones are forgotten.
  void drop(std::size_t slots) noexcept {
    void** const end = std::copy(base_ + slots, top(), base_);
    top_.store(end, std::memory_order_release);
  }

  // Effects: has room for so many slots from now on.
  // Requires: that many were held at most until now, and the array is as long.
  void resize(std::size_t capacity) noexcept { limit_ = base_ + capacity; }

  // Effects: goes on in a wider array.
  void move_to(void** array, std::size_t capacity) noexcept {
    void** const end = std::copy(base_, top(), array);
    base_ = array;
    limit_ = array + capacity;
    top_.store(end, std::memory_order_release);
  }

 private:
  [[nodiscard]] void** top() const noexcept { return top_.load(std::memory_order_relaxed); }

  std::atomic<void**> top_{nullptr};
  void** limit_ = nullptr;
  void** base_ = nullptr;
};

// A thread that has no heap yet points to one that is empty and nobody's: `small_limit` and the window are 0 there, and
// its bins are empty and full at once, so every call takes a slow path without a test for it.
//
// The first lines are all that the short paths read besides a bin; the rest is for slow paths. Its own thread uses window,
// bins and outbox without the lock; `supply` is under it.
template <AddressSpaceOs System>
struct Heap {
  Window window;
  MapEntry tag = tag_of(nobody) | 0xff;  // matches no entry of the map
  std::uint32_t small_limit = 0;         // bytes: larger requests take the slow path
  Bin bins[class_count];

  HeapId id = 0;
  Heap* next_parked = nullptr;
  Outbox<System> outbox;
  Policy* policy = nullptr;
  void** arrays_next = nullptr;  // where the next larger array of a bin will lie
  void** arrays_end = nullptr;
  std::uint16_t array_slots[class_count] = {};  // of each bin's array: its room may be less
  std::atomic<bool> flush_is_wanted{false};     // somebody has purged since
  Lock lock;
  SpanSupply<System> supply;
  SpanFigures figures;  // as they were when statistics were last taken: see Engine::with_statistics

  void start(Space<System>& space, HeapId name, Range arrays) noexcept {
    id = name;
    tag = tag_of(name);
    small_limit = largest_small;
    policy = &space.policy;
    arrays_next = reinterpret_cast<void**>(arrays.begin);
    arrays_end = reinterpret_cast<void**>(arrays.end());
    supply.start(space, name);
  }

  // The short path of free.  Returns: whether `p` is in its bin; if not, the slow path has to be asked.
  [[nodiscard, gnu::always_inline]] bool free(void* p) noexcept {
    const std::size_t slice = window.slice_of(p);
    if (slice >= window.slices) return false;
    const MapEntry own = window.entry(slice) ^ tag;
    if (own >= class_count) return false;
    return one_address(bins[own]).push(p);
  }

  // The same for a block of `size` bytes, as its caller says: of another class, it is not for the short path.
  [[nodiscard, gnu::always_inline]] bool free(void* p, std::size_t size) noexcept {
    if (size > small_limit) return false;
    const std::size_t slice = window.slice_of(p);
    if (slice >= window.slices) return false;
    const SizeClass c = class_of(size);
    if (window.entry(slice) != (tag | c)) return false;
    return one_address(bins[c]).push(p);
  }

  // Returns: a slot, after the bin of class `c` was filled to the half; nullptr when there is no memory.
  // Requires: the bin is empty.
  [[nodiscard]] void* refill(SizeClass c) noexcept {
    if (flush_is_wanted.load(std::memory_order_relaxed)) [[unlikely]]
      flush();
    Bin& bin = bins[c];
    Holding hold{lock};
    fit(bin, c);
    bin.hold(supply.take(c, bin.base(), static_cast<unsigned>(bin.capacity() / 2)));
    void* slot = nullptr;
    (void)bin.pop(slot);
    return slot;
  }

  // Effects: a full bin gets room: a wider array, or its colder half goes back to the spans. If it holds more than the policy
  // wants it to by now, more than half goes.
  void make_room(SizeClass c) noexcept {
    if (flush_is_wanted.load(std::memory_order_relaxed)) [[unlikely]]
      flush();
    Bin& bin = bins[c];
    Holding hold{lock};
    const std::size_t bound = fit(bin, c);
    if (!bin.full()) return;
    const std::size_t stay = std::min(bin.held(), bound) / 2;
    const std::size_t leave = bin.held() - stay;
    supply.put(bin.base(), leave);
    bin.drop(leave);
    fit(bin, c);
  }

  // Effects: readies the heap to wait for another thread. What little lies in its bins stays, since a program that makes
  // one thread after another would cut the same spans each time; more than that goes back.
  void rest() noexcept {
    std::size_t bytes = 0;
    for (unsigned c = 0; c < class_count; ++c) bytes += bins[c].held() * slot_bytes(c);
    if (bytes > kept_at_rest * policy->bin_bytes()) flush();
  }

  // Effects: everything in the bins goes back to the spans, and spans that are empty then to the space.
  void flush() noexcept {
    flush_is_wanted.store(false, std::memory_order_relaxed);
    Holding hold{lock};
    for (Bin& bin : bins) {
      supply.put(bin.base(), bin.held());
      bin.hold(0);
    }
    supply.release_empty();
  }

  // Effects: what other threads have given back is taken home; the bins follow when the heap's own thread is on a slow path
  // next. Any thread.
  void collect() noexcept {
    flush_is_wanted.store(true, std::memory_order_relaxed);
    Holding hold{lock};
    supply.release_empty();
  }

 private:
  static constexpr std::size_t first_capacity =
      8;                                          // slots of a bin at first; it doubles when the bin is used
  static constexpr std::size_t kept_at_rest = 4;  // full bins' bytes, in those of a heap without a thread
  static constexpr std::size_t least_capacity = 8;    // what a bin may hold is up to the policy, but
  static constexpr std::size_t most_capacity = 1024;  // so many slots at least, and so many at most

  // Effects: the bin's room comes closer to its bound: twice what it is, or down to it, if it does not hold more.
  // Returns: the bound, in slots.
  //
  // Arrays are laid side by side in the heap's own memory; one that was outgrown stays behind, unused.
  std::size_t fit(Bin& bin, SizeClass c) noexcept {
    const std::size_t bound = std::clamp(policy->bin_bytes() / slot_bytes(c), least_capacity, most_capacity);
    const std::size_t now = bin.capacity();
    const std::size_t wish = std::min(std::max(2 * now, first_capacity), bound);
    if (wish < now) {
      if (bin.held() <= wish) bin.resize(wish);
    } else if (wish <= array_slots[c]) {
      bin.resize(wish);
    } else if (static_cast<std::size_t>(arrays_end - arrays_next) >= wish) {
      bin.move_to(arrays_next, wish);
      arrays_next += wish;
      array_slots[c] = static_cast<std::uint16_t>(wish);
    }
    return bound;
  }
};

}  // namespace basalt::engine
