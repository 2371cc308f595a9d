// All heaps there are, and those that wait for a thread.
#pragma once

#include <cstddef>
#include <new>

#include "../base/bits.hpp"
#include "../platform/fenced.hpp"
#include "heap.hpp"
#include "lock.hpp"

namespace basalt::engine {

inline constexpr HeapId most_heaps = 1 << 14;

// A heap is never destroyed: its thread ends, it is parked with its spans and its id, and the next thread takes it. So
// memory that outlives a thread stays somebody's own, and nothing has to be rewritten.
template <AddressSpaceOs System, class Heap = engine::Heap<System>, class Lock = engine::Lock>
class HeapPool {
 public:
  // Returns: a parked heap, or a new one; nullptr when there is no memory for it.
  template <class Space>
  [[nodiscard]] Heap* take(Space& space) noexcept {
    Holding hold{lock_};
    Heap* const heap = parked_ != nullptr ? parked_ : make(space);
    if (heap == nullptr) return nullptr;
    if (heap == parked_) parked_ = heap->next_parked;
    heap->parked = false;
    space.policy.heaps.fetch_add(1, std::memory_order_relaxed);
    return heap;
  }

  void park(Heap& heap) noexcept {
    Holding hold{lock_};
    put_on_list(heap);
  }

  // Effects: in a forked child, parks the heaps of all threads that are not there any more: all but these two.
  // Requires: the lock.
  void adopt_all_but(const Heap* mine, const Heap* shared) noexcept {
    each([&](Heap& heap) {
      if (!heap.parked && &heap != mine && &heap != shared) put_on_list(heap);
    });
  }

  // Requires: a heap with this id has been taken once.
  [[nodiscard]] Heap& heap(HeapId id) const noexcept { return id < few ? *first_[id] : *heaps_[id]; }

  template <class Visitor>
  void each(Visitor&& visit) const noexcept {
    for (HeapId id = 1; id <= made_; ++id) visit(heap(id));
  }

  // Effects: calls use(heap) for the heap of this number, from 1 on, while none finds a thread.  Returns: whether there is one.
  template <class Use>
  [[nodiscard]] bool with(HeapId id, Use&& use) noexcept {
    Holding hold{lock_};
    if (id > made_) return false;
    use(heap(id));
    return true;
  }

  // Effects: calls `visit` with each heap that waits for a thread: it is nobody's until then.  Requires: the lock.
  template <class Visitor>
  void each_parked(Visitor&& visit) const noexcept {
    for (Heap* heap = parked_; heap != nullptr; heap = heap->next_parked) visit(*heap);
  }

  // Returns: a heap that waits for a thread, another one each time; nullptr if none does.  Requires: the lock.
  [[nodiscard]] Heap* next_to_sweep() noexcept {
    for (HeapId looks = 0; looks < made_; ++looks) {
      swept_ = swept_ % made_ + 1;
      if (heap(swept_).parked) return &heap(swept_);
    }
    return nullptr;
  }

  // Returns: how many heaps there are, and the bytes that are mapped for them.  Requires: the lock.
  [[nodiscard]] HeapId count() const noexcept { return made_; }
  [[nodiscard]] std::size_t mapped_bytes() const noexcept {
    return made_ * mapping + (heaps_ == nullptr ? 0 : most_heaps * sizeof(Heap*));
  }

  // Effects: calls visit(range) for each of those mappings.  Requires: the lock.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    each([&](Heap& heap) {
      visit(Range{reinterpret_cast<std::byte*>(&heap) - place(heap.policy->overlay.annex), mapping});
    });
    if (heaps_ != nullptr) visit(Range{reinterpret_cast<std::byte*>(heaps_), most_heaps * sizeof(Heap*)});
  }

  // The lock under which heaps come to be: while it is held, `each` is complete.
  [[nodiscard]] Lock& lock() const noexcept { return lock_; }

 private:
  static constexpr std::size_t mapping = 512 * KiB;  // address space of one heap and the arrays of its bins

  // Where in its page a heap begins. A processor takes a load for one of what was stored just before as long as it knows
  // only that the lowest twelve bits of both addresses are the same, and waits. At 0 the bins of the smallest classes would lie,
  // so seen, where the first slots of every slice lie: a program that writes to them and then allocates was up to half as
  // slow again, in every other run.
  static constexpr std::size_t place_in_page = 1728;  // bytes, a multiple of 64
  static constexpr std::size_t small_page = 4 * KiB;
  static constexpr std::size_t most_annex = 8 * KiB;

  // Returns: how far from the beginning of its mapping a heap lies that has so many bytes beside it. The arrays of its bins lie
  // before it, the first of them in the same page.
  [[nodiscard]] static constexpr std::size_t place(std::size_t annex) noexcept {
    const std::size_t latest = mapping - align_up(sizeof(Heap), 64) - align_up(annex, 64);
    return (latest - place_in_page) / small_page * small_page + place_in_page;
  }

  void put_on_list(Heap& heap) noexcept {
    heap.policy->heaps.fetch_sub(1, std::memory_order_relaxed);
    heap.parked = true;
    heap.next_parked = parked_;
    parked_ = &heap;
  }

  template <class Space>
  [[nodiscard]] Heap* make(Space& space) noexcept {
    static_assert(Heap::most_array_bytes() + most_annex <= place(0), "a bin without an array serves nothing");
    if (!have_table() || made_ + 1 == most_heaps) return nullptr;
    const Result<std::byte*> memory = Fenced<System>::map(mapping);
    if (!memory.ok()) return nullptr;
    std::byte* const place_of_heap = memory.value + place(space.policy.overlay.annex);
    auto* const heap = ::new (static_cast<void*>(place_of_heap)) Heap;
    const HeapId id = made_ + 1;
    heap->start(space, id, range_between(memory.value, place_of_heap));
    (id < few ? first_[id] : heaps_[id]) = heap;
    made_ = id;
    return heap;
  }

  [[nodiscard]] bool have_table() noexcept {
    if (made_ + 1 < few || heaps_ != nullptr) return true;
    const Result<std::byte*> table = Fenced<System>::map(most_heaps * sizeof(Heap*));
    heaps_ = reinterpret_cast<Heap**>(table.value);
    return table.ok();
  }

  mutable Lock lock_;
  static constexpr HeapId few = 16;

  Heap* first_[few] = {};   // by id, so that a program with few threads needs no table; entry 0 is nobody
  Heap** heaps_ = nullptr;  // by id, from `few` on
  HeapId made_ = 0;         // the highest id that is in use
  HeapId swept_ = 0;        // the one that was swept last
  Heap* parked_ = nullptr;
};

}  // namespace basalt::engine
