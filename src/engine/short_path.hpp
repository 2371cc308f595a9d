// The short paths, whole: what malloc and free do when a bin has what they need, from the thread to the pop and the push.
//
//   malloc(n)                                       free(p)
//     |- OwnHeap::heap       whose heap               |- OwnHeap::heap
//     `- HeapFront::allocate                          `- HeapFront::free    one number is looked up
//          |- class_of       which bin                     `- Bin::push
//          `- Bin::pop
//
// No lock, no atomic read-modify-write, no test for a thread without a heap. Everything else is behind a false.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "checks.hpp"
#include "countdown.hpp"
#include "page_map.hpp"
#include "size_class.hpp"

namespace basalt::engine {

// Requires: size <= largest_small.
[[nodiscard]] constexpr SizeClass class_of(std::size_t size) noexcept {
  return class_table.of_steps[(size + slot_step - 1) / slot_step];
}

static_assert([] {
  for (unsigned c = 1; c < class_count; ++c) {
    if (class_of(slot_bytes(c)) != c) return false;
    if (c > 1 && class_of(slot_bytes(c - 1) + 1) != c) return false;
  }
  return class_of(0) == 0 && class_of(1) == 1;
}());

// Returns: the bytes of the smallest slot that holds `size` bytes at a multiple of `alignment`.
// Requires: size <= largest_small; alignment, a power of two, <= slice_bytes.
[[nodiscard]] constexpr std::size_t slot_for(std::size_t size, std::size_t alignment) noexcept {
  unsigned c = alignment <= slot_step ? class_of(size) : class_of(size > alignment ? size : alignment);
  while (slot_bytes(c) % alignment != 0) ++c;
  return slot_bytes(c);
}

// A stack of free slots of one class. Between `base` and `top` lie the slots, the coldest at the base.
//
//      base            top                  limit
//      v               v                    v
//  | 0 | p | p | p | p |                    |
//
// In front of the array lie two nulls, so that there always is something to compare with what comes on top.
//
// Only the heap's own thread pushes and pops, without a lock. `base` and `limit` change under the lock, so whoever holds
// it may look on; `top` moves all the time, so it is atomic, at no cost. It is stored after the slot it uncovers, so that a
// child whose parent's thread was in the midst of it loses one slot at most. Four words, so that no bin lies in two lines of
// the processor's cache.
template <class Checks = engine::Checks>
class alignas(32) Bin {
 public:
  [[nodiscard]] bool empty() const noexcept { return top() == base_; }
  [[nodiscard]] bool full() const noexcept { return top() == limit_; }
  [[nodiscard]] std::size_t held() const noexcept { return static_cast<std::size_t>(top() - base_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(limit_ - base_); }
  [[nodiscard]] void** base() const noexcept { return base_; }
  [[nodiscard]] bool came_last(const void* slot) const noexcept {  // or as the last but one
    return !empty() && (top()[-1] == slot || top()[-2] == slot);
  }
  [[nodiscard]] std::size_t array_slots() const noexcept { return array_slots_; }  // capacity may be less

  // Returns: whether there was a slot to give. It is read first: a handler of signals that comes in between and has to refill the
  // bin would write over what lies beyond its top.
  [[nodiscard, gnu::always_inline]] bool pop(void*& slot) noexcept {
    void** const end = top_.load(std::memory_order_relaxed);
    if (end == base_) return false;
    slot = end[-1];
    std::atomic_signal_fence(std::memory_order_seq_cst);
    top_.store(end - 1, std::memory_order_relaxed);
    return true;
  }

  // Returns: whether there was room, and the slot was none of the last two that came: nobody may free it again.
  [[nodiscard, gnu::always_inline]] bool push(void* slot) noexcept {
    void** const end = top_.load(std::memory_order_relaxed);
    if (end == limit_ || (Checks::newest && (end[-1] == slot || end[-2] == slot))) return false;
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

  // Effects: has no array any more.  Requires: nothing is held.
  void forget() noexcept {
    base_ = limit_ = nullptr;
    array_slots_ = 0;
    top_.store(nullptr, std::memory_order_release);
  }

  static constexpr std::size_t ahead = 2;  // words in front of the array

  // Effects: goes on in a wider array.  Requires: `ahead` words lie in front of that.
  void move_to(void** array, std::size_t capacity) noexcept {
    void** const end = std::copy(base_, top(), array);
    base_ = array;
    limit_ = array + capacity;
    array_slots_ = capacity;
    array[-1] = array[-2] = nullptr;
    top_.store(end, std::memory_order_release);
  }

 private:
  [[nodiscard]] void** top() const noexcept { return top_.load(std::memory_order_relaxed); }

  std::atomic<void**> top_{nullptr};
  void** limit_ = nullptr;
  void** base_ = nullptr;
  std::size_t array_slots_ = 0;
};

// The first lines of a heap: all that the short paths read besides a bin's array. Its own thread uses them without a lock.
//
// A thread that has no heap yet points to one that is empty and nobody's: `small_limit` and the window are 0 there, and
// its bins are empty and full at once, so every call takes a slow path without a test for it.
template <class Checks = engine::Checks>
struct HeapFront {
  Bin<Checks> bins[class_count];  // first, so that a class is but a shift away from its bin
  Window window;
  MapEntry tag = tag_of(nobody) | 0xff;       // matches no entry of the map
  std::atomic<std::uint32_t> small_limit{0};  // bytes: larger requests take the slow path; see Sampler
  Countdown countdown;                        // while it counts, `small_limit` is 0

  // Returns: whether `slot` is a slot for `size` bytes now; if not, the slow path has to be asked.
  [[nodiscard, gnu::always_inline]] bool allocate(std::size_t size, void*& slot) noexcept {
    if (size > small_limit.load(std::memory_order_relaxed)) [[unlikely]]
      return false;
    const std::size_t c = class_of(size);
    return bins[c].pop(slot);
  }

  // The same for a request that is counted: what serves most of them while some are sampled.
  [[nodiscard, gnu::always_inline]] bool allocate_counted(std::size_t size, void*& slot) noexcept {
    if (!countdown.passes(size)) return false;
    if (!bins[class_of(size)].pop(slot)) return false;
    countdown.count(size);
    return true;
  }

  // Returns: whether `p` is in its bin now; if not, the slow path has to be asked. What is compared: see MapEntry.
  [[nodiscard, gnu::always_inline]] bool free(void* p) noexcept {
    const std::size_t slice = (reinterpret_cast<std::uintptr_t>(p) - window.base) >> slice_shift;
    if (slice >= window.slices) [[unlikely]]
      return false;
    const MapEntry own = window.entries[slice].load(std::memory_order_relaxed) ^ tag;
    if (own >= class_count) [[unlikely]]
      return false;
    return bins[own].push(p);
  }

  // The same for a block of `size` bytes, as its caller says: of another class, it is not for the short path.
  [[nodiscard, gnu::always_inline]] bool free(void* p, std::size_t size) noexcept {
    const std::size_t slice = (reinterpret_cast<std::uintptr_t>(p) - window.base) >> slice_shift;
    if (size > largest_small || slice >= window.slices) [[unlikely]]
      return false;
    const std::size_t c = class_of(size);
    if ((window.entries[slice].load(std::memory_order_relaxed) ^ tag) != c) [[unlikely]]
      return false;
    return bins[c].push(p);
  }
};

// How a thread finds its heap: one word of its static TLS, the distance from an empty heap. So a thread begins with 0,
// which is also what there is before the dynamic linker has relocated every object and copied the initial values of
// thread-local ones; resolvers of indirect functions may call us then. The heap that they are given is forgotten, with
// the blocks in its bins; what they allocated is good.
template <class Heap>
class OwnHeap {
 public:
  [[nodiscard, gnu::always_inline]] static Heap* heap() noexcept {
    return reinterpret_cast<Heap*>(reinterpret_cast<std::uintptr_t>(&nascent_) + distance_);
  }
  static void give(Heap* heap) noexcept { distance_ = address_of(heap) - address_of(&nascent_); }
  [[nodiscard]] static Heap* departed() noexcept { return const_cast<Heap*>(&departed_); }
  [[nodiscard]] static std::atomic<bool>& busy() noexcept { return busy_; }

 private:
  // In memory that nobody can write to, nor has to: no bin of theirs has room, and no pointer is in their window.
  static inline constinit const Heap nascent_{};
  static inline constinit const Heap departed_{};

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::uintptr_t distance_ = 0;
  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::atomic<bool> busy_{false};
};

}  // namespace basalt::engine
