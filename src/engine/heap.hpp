// A heap: what a thread allocates from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/range.hpp"
#include "lock.hpp"
#include "outbox.hpp"
#include "page_map.hpp"
#include "size_class.hpp"
#include "span_supply.hpp"

namespace basalt::engine {

// A stack of free slots of one class. Between `base` and `top` lie the slots, the coldest at the base.
//
//      base            top                  limit
//      v               v                    v
//      | p | p | p | p |                    |
struct Bin {
  void** top = nullptr;
  void** limit = nullptr;
  void** base = nullptr;

  [[nodiscard]] bool empty() const noexcept { return top == base; }
  [[nodiscard]] bool full() const noexcept { return top == limit; }
  [[nodiscard]] std::size_t held() const noexcept { return static_cast<std::size_t>(top - base); }
  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(limit - base); }
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
  void** arrays_next = nullptr;  // where the next larger array of a bin will lie
  void** arrays_end = nullptr;
  Lock lock;
  SpanSupply<System> supply;

  void start(Space<System>& space, HeapId name, Range arrays) noexcept {
    id = name;
    tag = tag_of(name);
    small_limit = largest_small;
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
    Bin& bin = bins[own];
    if (bin.full()) return false;
    *bin.top++ = p;
    return true;
  }

  // Returns: a slot, after the bin of class `c` was filled to the half; nullptr when there is no memory.
  // Requires: the bin is empty.
  [[nodiscard]] void* refill(SizeClass c) noexcept {
    Bin& bin = bins[c];
    widen(bin, c);
    Holding hold{lock};
    const unsigned taken = supply.take(c, bin.base, static_cast<unsigned>(bin.capacity() / 2));
    if (taken == 0) return nullptr;
    bin.top = bin.base + taken - 1;
    return *bin.top;
  }

  // Effects: a full bin gets room: a wider array, or its colder half goes back to the spans.
  void make_room(SizeClass c) noexcept {
    Bin& bin = bins[c];
    widen(bin, c);
    if (!bin.full()) return;
    const std::size_t half = (bin.held() + 1) / 2;
    {
      Holding hold{lock};
      supply.put(bin.base, half);
    }
    std::copy(bin.base + half, bin.top, bin.base);
    bin.top -= half;
  }

  // Effects: everything in the bins goes back to the spans, and spans that are empty then to the space.
  void flush() noexcept {
    Holding hold{lock};
    for (Bin& bin : bins) {
      supply.put(bin.base, bin.held());
      bin.top = bin.base;
    }
    supply.collect_inbox();
    supply.release_empty();
  }

 private:
  static constexpr std::size_t first_capacity =
      8;  // slots of a bin at first; it doubles when the bin is used
  static constexpr std::size_t bin_bytes = 64 * KiB;  // what a bin may hold, but
  static constexpr std::size_t least_capacity = 8;    // so many slots at least, and
  static constexpr std::size_t most_capacity = 1024;  // so many at most

  // Arrays are laid side by side in the heap's own memory; one that was outgrown stays behind, unused.
  void widen(Bin& bin, SizeClass c) noexcept {
    const std::size_t bound = std::clamp(bin_bytes / slot_bytes(c), least_capacity, most_capacity);
    const std::size_t wider = std::min(std::max(2 * bin.capacity(), first_capacity), bound);
    if (wider <= bin.capacity() || static_cast<std::size_t>(arrays_end - arrays_next) < wider) return;
    void** const array = arrays_next;
    arrays_next += wider;
    const std::size_t held = bin.held();
    std::copy(bin.base, bin.top, array);
    bin = {array + held, array + wider, array};
  }
};

}  // namespace basalt::engine
