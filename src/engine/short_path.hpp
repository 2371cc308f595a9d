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

#include "../platform/bytes.hpp"
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

// A stack of free slots of one class, in an array that stands on nulls. Only the heap's own thread pushes and pops, without a lock.
//
//          base            top              limit
//          v               v                v
//  | 0 | 0 | p | p | p | p |                |
//
// Slow paths change the rest, under the lock, between `close` and `open`: whoever holds the lock may look on. `top` moves all the
// time, so it is atomic, at no cost; it is stored after the slot it uncovers, so that a child whose parent's thread was in the
// midst of it loses one slot at most. Four words, so that no bin lies in two lines of the processor's cache.
//
// A handler of signals may come between any two instructions of a push or a pop, and use this very bin, its slow paths included;
// the interrupted call then goes on with the top that it has read. docs/why/handlers.md shows why no slot gets two owners, by
// these laws of slow paths:
// - What they leave above the top, and in arrays that were outgrown, is null. A pop that finds null serves nothing.
// - An array that was outgrown lies above the limit of the next. A push that has yet to compare the two stores nothing there; one that
//   has compared leaves one slot there, which the next call takes.
// - They open a bin with its top at an even word if they found it at an even word, else at an odd one. What the handler pops and pushes
//   cancels out, so the top cannot end one below where it was.
template <class Checks = engine::Checks>
class alignas(32) Bin {
 public:
  // What lies in a closed bin.
  struct Held {
    void** coldest = nullptr;
    std::size_t count = 0;
    void** top = nullptr;  // where it was: `open` keeps it at an even word, or at an odd one
    bool torn = false;     // under the coldest are slots that a handler's coming made us forget
  };

  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(limit_ - base_); }
  [[nodiscard]] void** base() const noexcept { return base_; }
  [[nodiscard]] std::size_t array_slots() const noexcept { return array_slots_; }  // capacity may be less
  // Returns: whether it is the newest slot or the second newest. What lies under a null was forgotten, and may be a block again.
  [[nodiscard]] bool came_last(const void* slot) const noexcept {
    return top()[-1] == slot || (top()[-1] != nullptr && top()[-2] == slot);
  }

  // Returns: how many slots it holds; where a handler has torn some off, about so many.
  [[nodiscard]] std::size_t held() const noexcept {
    void** const end = top();
    return end < base_ || end > limit_ ? 0 : static_cast<std::size_t>(end - base_);
  }

  // Returns: whether there was a slot to give.
  [[nodiscard, gnu::always_inline]] bool pop(void*& slot) noexcept {
    void** const end = top_.load(std::memory_order_relaxed);
    void* const last = end[-1];
    if (last == nullptr) return false;
    slot = last;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    top_.store(end - 1, std::memory_order_relaxed);
    return true;
  }

  // Returns: whether there was room, and the slot was none of the last two that came: nobody may free it again.
  [[nodiscard, gnu::always_inline]] bool push(void* slot) noexcept {
    void** const end = top_.load(std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_acquire);  // the limit is read later than the top
    if (end >= limit_ || (Checks::newest && (end[-1] == slot || end[-2] == slot))) return false;
    *end = slot;
    top_.store(end + 1, std::memory_order_release);
    return true;
  }

  static constexpr std::size_t ahead = 2;  // nulls in front of an array, and of `nowhere`

  // Returns: how many words an array for so many slots needs, with those ahead of it. A bin may begin one word further, and what lies
  // behind its last slot is cleared as well.
  [[nodiscard]] static constexpr std::size_t words_for(std::size_t capacity) noexcept {
    return ahead + align_up(capacity + 2, 2);
  }

  // Effects: has no array.
  // Requires: nothing is held; `nowhere` is an even word with nulls around it, and all arrays lie before it.
  void start(void** nowhere) noexcept {
    base_ = limit_ = nowhere;
    array_slots_ = opened_ = 0;
    top_.store(nowhere, std::memory_order_release);
  }

  // Effects: the short paths find neither a slot nor room.  Requires: `nowhere` as for `start`.
  [[nodiscard]] Held close(void** nowhere) noexcept {
    void** const end = top();
    top_.store(nowhere, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    void** const coldest = coldest_under(end);
    return {coldest, static_cast<std::size_t>(end - coldest), end, coldest != base_};
  }

  // Effects: goes on in another array, of nulls.
  // Requires: `words_for(capacity)` words lie there, from `ahead` words before it on; it is an even word, below all that there were.
  void move_to(void** array, std::size_t capacity, Held& held) noexcept {
    move_bytes(array, held.coldest, held.count * sizeof(void*));
    clear_bytes(held.coldest, (held.count + 1) * sizeof(void*));
    clear_bytes(own_array(), (array_slots_ + 1) * sizeof(void*));
    // As if it had been closed here, where nothing is to be cleared.
    held = {array, held.count, array + (is_odd(held.top) ? 1 : 0), false};
    base_ = array;
    limit_ = array + capacity;
    array_slots_ = static_cast<std::uint32_t>(capacity);
  }

  // Effects: has room for so many slots from now on.  Requires: that many are held at most, and the array is as long.
  void resize(std::size_t capacity) noexcept { limit_ = base_ + capacity; }

  // Effects: the short paths find what is held, and nothing else.
  // Requires: there is room for it; a push that was interrupted may have brought one more.
  void open(const Held& held) noexcept {
    void** const array = own_array();
    void** const array_end = array + array_slots_ + 1;
    const std::size_t room = capacity();
    base_ = array + (is_odd(held.top) != (held.count % 2 != 0) ? 1 : 0);
    limit_ = base_ + room;
    opened_ = static_cast<std::uint32_t>(held.count);
    void** const end = base_ + held.count;
    if (held.coldest != base_) move_bytes(base_, held.coldest, held.count * sizeof(void*));
    // A push that a handler interrupted has left its slot, or a word of it, in an array that was outgrown.
    if (held.coldest > array_end) clear_bytes(held.coldest, (held.count + 1) * sizeof(void*));
    base_[-1] = nullptr;
    // What lay between the new top and the old one, and then what pops have left above that.
    void** word = held.torn ? array_end : std::clamp(held.top, end, array_end);
    if (word != end) clear_bytes(end, static_cast<std::size_t>(word - end) * sizeof(void*));
    for (; word < array_end && *word != nullptr; ++word) *word = nullptr;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    top_.store(end, std::memory_order_release);
  }

 private:
  [[nodiscard]] static bool is_odd(void** word) noexcept { return address_of(word) / sizeof(void*) % 2 != 0; }

  // Returns: the coldest of the slots that lie under `end` without a null between them. What slots have in common are the bits of their
  // window, mostly.
  [[nodiscard]] void** coldest_under(void** end) const noexcept {
    if (end < base_ || end > base_ + array_slots_) {  // it lies in an array that was outgrown
      while (end[-1] != nullptr) --end;
      return end;
    }
    void** const sure = base_ + opened_;
    while (end - sure >= 4 &&
           (address_of(end[-1]) & address_of(end[-2]) & address_of(end[-3]) & address_of(end[-4])) != 0)
      end -= 4;
    while (end > sure && end[-1] != nullptr) --end;
    return end > sure ? end : base_;
  }

  [[nodiscard]] void** own_array() const noexcept { return base_ - (is_odd(base_) ? 1 : 0); }
  [[nodiscard]] void** top() const noexcept { return top_.load(std::memory_order_relaxed); }

  std::atomic<void**> top_{nullptr};
  void** limit_ = nullptr;
  void** base_ = nullptr;
  std::uint32_t array_slots_ = 0;
  std::uint32_t opened_ = 0;  // slots that it had when it was opened last: no null can lie among these
};

// The first lines of a heap: all that the short paths read besides a bin's array. Its own thread uses them without a lock.
//
// A thread that has no heap yet points to one that is empty and nobody's: `small_limit` and the window are 0 there, so that
// no call looks at its bins: each takes a slow path, without a test for it.
template <class Checks = engine::Checks>
struct HeapFront {
  Bin<Checks> bins[class_count];  // first, so that a class is but a shift away from its bin
  Window window;
  MapEntry tag = tag_of(nobody) | 0xff;  // matches no entry of the map
  // Requests of so many bytes, or more, take the slow path; see Sampler.
  std::atomic<std::uint32_t> small_limit{0};
  Countdown countdown;  // while it counts, `small_limit` is 0

  // Returns: whether `slot` is a slot for `size` bytes now; if not, the slow path has to be asked.
  [[nodiscard, gnu::always_inline]] bool allocate(std::size_t size, void*& slot) noexcept {
    if (size >= small_limit.load(std::memory_order_relaxed)) [[unlikely]]
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
  // In memory that nobody can write to, nor has to: no size is below their limit, and no pointer in their window.
  static inline constinit const Heap nascent_{};
  static inline constinit const Heap departed_{};

  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::uintptr_t distance_ = 0;
  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit std::atomic<bool> busy_{false};
};

}  // namespace basalt::engine
