// Where freed blocks stay for a while, so that who still knows an address does not soon find a new block there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/bits.hpp"

namespace basalt::hardened {

// A block takes a random place and whoever was there goes. So a block stays for as many frees as there are places, in the mean, and
// nobody can foresee which free lets it go. Each thread has its own places, in a ward beside its heap: so there is no lock, and
// nothing to hand over when a thread ends. The place is taken before the other block goes on: of what a child finds that is
// forked meanwhile, nothing is there twice.
//
// Only the thread that has the heap uses its ward, and no handler of signals that interrupts it there; where a heap waits
// for a thread, whoever holds the lock of the pool. Threads without a heap share a ward, in which places change hands in one
// atomic operation.
template <class Atomics, std::size_t small_places, std::size_t large_places>
class Wards {
  using Place = typename Atomics::template Atomic<void*>;

 public:
  static constexpr std::size_t places = small_places + large_places;

  // Zero bytes are an empty one.
  struct alignas(64) Ward {
    typename Atomics::template Atomic<std::uint64_t> turn{0};
    // Any thread's word to the one that has the heap.
    typename Atomics::template Atomic<bool> may_stay_no_longer{false};
    Place blocks[places] = {};

    // Of two threads that lose a turn in the shared ward, both get a random place. (Knuth's generator: MMIX.)
    [[nodiscard, gnu::always_inline]] Place& random_place(std::size_t bytes, std::uint64_t key) noexcept {
      const std::uint64_t now = turn.load(std::memory_order_relaxed) * 6'364'136'223'846'793'005U + key;
      turn.store(now, std::memory_order_relaxed);
      const std::size_t die = now >> 48;
      constexpr std::size_t large_choices = large_places == 0 ? 1 : large_places;  // models have none
      return blocks[bytes <= small ? die % small_places : small_places + die % large_choices];
    }
  };
  static constexpr std::size_t annex = sizeof(Ward);  // bytes beside a heap

  // Returns: the block that is to be freed now, instead of `p`; or nullptr.  Requires: bytes <= 32 KiB, the heap is the thread's.
  template <class Heap>
  [[nodiscard, gnu::always_inline]] static void* admit(Heap& heap, void* p, std::size_t bytes,
                                                       std::uint64_t key) noexcept {
    Place& place = of(heap).random_place(bytes, key);
    void* const leaves = place.load(std::memory_order_relaxed);
    place.store(p, std::memory_order_release);
    return leaves;
  }

  // The same for a thread that has no heap.
  [[nodiscard]] void* admit_to_shared(void* p, std::size_t bytes, std::uint64_t key) noexcept {
    return shared_.random_place(bytes, key).exchange(p, std::memory_order_acq_rel);
  }

  // Whether somebody has asked for the ward of the thread's heap to be emptied.
  template <class Heap>
  [[nodiscard]] static bool has_to_go(Heap& heap) noexcept {
    return of(heap).may_stay_no_longer.load(std::memory_order_relaxed);
  }

  // Effects: calls release(block) for every block in the ward of this heap: none stays.
  // Requires: the heap is the thread's, or waits for one.
  template <class Heap, class Release>
  static void empty(Heap& heap, Release&& release) noexcept {
    of(heap).may_stay_no_longer.store(false, std::memory_order_relaxed);
    empty_ward(of(heap), release);
  }
  // The same for what threads without a heap have left here.
  template <class Release>
  void empty_shared(Release&& release) noexcept {
    empty_ward(shared_, release);
  }

  // Effects: the thread of the heap empties its ward when it frees next.
  template <class Heap>
  static void ask_to_empty(Heap& heap) noexcept {
    of(heap).may_stay_no_longer.store(true, std::memory_order_relaxed);
  }

  // Effects: places are chosen in another order from now on.  Requires: as `empty`.
  template <class Heap>
  static void reseed(Heap& heap, std::uint64_t entropy) noexcept {
    of(heap).turn.fetch_add(entropy, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t small = KiB;  // bytes

  template <class Heap>
  [[nodiscard]] static Ward& of(Heap& heap) noexcept {
    return *reinterpret_cast<Ward*>(heap.annex());
  }

  template <class Release>
  static void empty_ward(Ward& ward, Release&& release) noexcept {
    for (Place& place : ward.blocks) {
      if (place.load(std::memory_order_relaxed) == nullptr) continue;
      if (void* const block = place.exchange(nullptr, std::memory_order_acquire)) release(block);
    }
  }

  Ward shared_;
};

using Quarantine = Wards<StdAtomics, 256, 16>;  // at most 768 KiB stay in a ward

struct NoQuarantine {
  static constexpr std::size_t places = 1;
  static constexpr std::size_t annex = 0;

  template <class Heap>
  [[nodiscard]] static constexpr void* admit(Heap&, void* p, std::size_t, std::uint64_t) noexcept {
    return p;
  }
  [[nodiscard]] static constexpr void* admit_to_shared(void* p, std::size_t, std::uint64_t) noexcept {
    return p;
  }
  template <class Heap>
  [[nodiscard]] static constexpr bool has_to_go(Heap&) noexcept {
    return false;
  }
  template <class Heap, class Release>
  static constexpr void empty(Heap&, Release&&) noexcept {}
  template <class Release>
  static constexpr void empty_shared(Release&&) noexcept {}
  template <class Heap>
  static constexpr void ask_to_empty(Heap&) noexcept {}
  template <class Heap>
  static constexpr void reseed(Heap&, std::uint64_t) noexcept {}
};

}  // namespace basalt::hardened
