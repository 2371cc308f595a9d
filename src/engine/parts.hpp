// All that an engine has, the order in which its locks nest, and the walk over all of it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

#include "../base/published.hpp"
#include "../guard/guarded_slots.hpp"
#include "heap.hpp"
#include "heap_objects.hpp"
#include "heap_pool.hpp"
#include "holes.hpp"
#include "large.hpp"
#include "lock.hpp"
#include "space.hpp"
#include "statistics.hpp"

namespace basalt::engine {

// Law: locks are taken in the order in which they stand here; of heaps, that with the lower id first.
template <AddressSpaceOs System, class Checks = engine::Checks>
struct Parts {
  using Heap = engine::Heap<System, Checks>;

  mutable Lock statistics_lock;  // guards the figures of all heaps
  mutable Lock shared_lock;      // guards the shared heap
  Heap* shared_heap = nullptr;   // of threads that have parked their own
  HeapPool<System, Heap> pool;
  HeapObjects<System> objects;
  mutable guard::GuardedSlots<System> guarded;
  Published<basalt_heap*> samples;  // where sampled blocks lie; made when the first profile begins
  mutable Space<System> space;
  RoundingSample rounding;
  // Space::chunks_added when a parked heap was swept last; the first chunk has none.
  std::atomic<std::size_t> swept_at{1};

  constexpr Parts() noexcept = default;

  // Returns: whether the entry is of a slice of sampled blocks.
  [[nodiscard]] bool holds_samples(MapEntry entry) const noexcept {
    const auto handle = reinterpret_cast<std::uintptr_t>(samples.known());
    return is_object(entry) && owner_of(entry) == (handle & HeapObjects<System>::most);
  }

  // Errors: a pointer into the middle of a block, small or large, ends the program, and so does one to a small block that another
  // thread has freed.
  void insist_on_block(const void* p, MapEntry entry) const noexcept {
    const std::size_t slice = space.slice_of(p);
    LargeBlocks<System>{space}.insist_on_beginning(p, slice, entry);
    if (is_span(entry) && !is_object(entry)) Checks::insist_on_block(space.span_of(slice), p);
  }

  // Every lock but that of the statistics. While the pool's is held, no heap comes to be.
  template <class Visitor>
  void each_lock_to_take(Visitor&& take) const noexcept {
    take(shared_lock);
    take(pool.lock());
    pool.each([&](Heap& heap) { take(heap.lock); });
    take(objects.lock());
    objects.each([&](HeapObject<System>& object) { take(object.lock); });
    take(guarded.lock());
    take(space.lock());
  }

  template <class Visitor>
  void each_lock_to_release(Visitor&& release) const noexcept {
    release(space.lock());
    release(guarded.lock());
    objects.each([&](HeapObject<System>& object) { release(object.lock); });
    release(objects.lock());
    pool.each([&](Heap& heap) { release(heap.lock); });
    release(pool.lock());
    release(shared_lock);
  }

  // Effects: the blocks in the outbox go home. Who sees that too much waits there collects it, unless somebody is at it.
  void send(Outbox<Checks>& outbox) noexcept {
    outbox.send([this](HeapId owner, Span& span) { pool.heap(owner).supply.announce(span); },
                [this](HeapId owner, std::size_t bytes) {
                  Heap& home = pool.heap(owner);
                  if (home.supply.note_given(bytes)) home.collect_unless_busy();
                });
  }

  // Returns: use(heap) of the heap from which threads allocate that have parked their own. What is empty, if there is no memory
  // for that heap.
  template <class Use>
  [[nodiscard]] auto with_shared_heap(Use&& use) noexcept -> decltype(use(std::declval<Heap&>())) {
    Holding hold{shared_lock};
    if (shared_heap == nullptr && space.ready()) shared_heap = pool.take(space);
    if (shared_heap == nullptr) return {};
    return use(*shared_heap);
  }

  // What a heap without a thread still has is of use to nobody. Whenever memory did not suffice and a chunk was mapped, one of
  // them gives back what it can, so that there is less need of the next.
  void sweep_if_grown() noexcept {
    const std::size_t grown = space.chunks_added();
    if (grown == swept_at.load(std::memory_order_relaxed)) [[likely]]
      return;
    swept_at.store(grown, std::memory_order_relaxed);
    Holding hold{pool.lock()};
    Heap* const heap = pool.next_to_sweep();
    if (heap == nullptr) return;
    send(heap->outbox);
    heap->flush();
  }

  // Effects: every span has again what lies in the outboxes and bins of heaps that no thread runs on, and of `mine`, and what is on
  // its way to any.  Requires: `mine` is the calling thread's heap, or nullptr.
  void bring_home(Heap* mine) noexcept {
    if (mine != nullptr) send(mine->outbox);
    if (Holding hold{pool.lock()}; true) {
      pool.each_parked([this](Heap& heap) { send(heap.outbox); });
      pool.each([](Heap& heap) { heap.collect(); });
      pool.each_parked([](Heap& heap) { heap.empty(); });
    }
    if (mine != nullptr) mine->flush();
    if (Holding hold{shared_lock}; shared_heap != nullptr) shared_heap->flush();
  }

  // Effects: gives back to the system what nobody uses.  Returns: the bytes that went.
  std::size_t purge() noexcept {
    std::size_t gone = 0;
    if (Holding hold{pool.lock()}; true) pool.each([&](Heap& heap) { gone += heap.make_holes(); });
    if (Holding hold{objects.lock()}; true) {
      objects.each([&](HeapObject<System>& object) {
        Holding holding{object.lock};
        object.shed();
        gone += object.make_holes();
      });
    }
    return gone + space.purge();
  }

  // Effects: fills `now`, and the figures of each heap.  Requires: the lock of the statistics.
  //
  // The spans before the bins: a slot that was seen on its way home cannot be in a bin any more, so none counts twice.
  void walk(Statistics& now) const noexcept {
    each_lock_to_take([](Lock& lock) { lock.lock(); });
    pool.each([](Heap& heap) { heap.figures = {}; });
    space.each_span([&](const Span& span) {
      const std::size_t given_back = span.remote_count();
      pool.heap(span.remote.owner()).figures.add(span, given_back);
      now.of_class[span.size_class].add(span, given_back);
      now.spans.add(span, given_back);
    });
    pool.each([&](Heap& heap) { add_cached(heap, now); });
    objects.each([&](const HeapObject<System>& object) {
      object.each_span([&](const Span& span) {
        now.objects.add(span, 0);
        now.of_class[span.size_class].add(span, 0);
        now.spans.add(span, 0);
      });
    });
    now.huge = space.huge_bytes();
    now.large = space.used_bytes() - now.huge - now.spans.bytes;
    now.dirty = space.dirty_bytes();
    now.clean = space.mapped_bytes() - space.used_bytes() - now.dirty;
    now.guarded = guarded.live_bytes();
    now.metadata = space.table_bytes() + pool.mapped_bytes() + objects.mapped_bytes() + guarded.table_bytes();
    now.mapped = space.mapped_bytes() + now.guarded + now.metadata;
    const std::size_t kept = std::max(space.idle_bound(), now.dirty);
    now.idle_bound = kept + now.spans.unused() + now.spans.tails - now.spans.holes + now.metadata;
    now.heaps = pool.count();
    each_lock_to_release([](Lock& lock) { lock.unlock(); });
    for (unsigned c = 0; c < class_count; ++c)
      now.rounding_sampled += rounding.estimate(c, now.of_class[c].live / slot_bytes(c));
  }

  // Effects: calls visit(range) for each mapping that describes the heap and has no block.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    each_lock_to_take([](Lock& lock) { lock.lock(); });
    space.each_table(visit);
    pool.each_table(visit);
    objects.each_table(visit);
    guarded.each_table(visit);
    each_lock_to_release([](Lock& lock) { lock.unlock(); });
  }

  // Walks the heap.  Returns: nullptr if every law holds, else the one that is broken, in words.
  [[nodiscard]] const char* broken_law() const noexcept {
    const char* broken = nullptr;
    each_lock_to_take([](Lock& lock) { lock.lock(); });
    space.each_span([&](const Span& span) {
      if (broken == nullptr) broken = span.broken_law();
      if (broken == nullptr && (span.holes & ~empty_places(span)) != 0)
        broken = "there is no block in a hole";
    });
    objects.each([&](const HeapObject<System>& object) {
      if (broken == nullptr) broken = object.broken_law();
    });
    if (broken == nullptr) broken = guarded.broken_law();
    if (broken == nullptr) broken = space.broken_law();
    each_lock_to_release([](Lock& lock) { lock.unlock(); });
    return broken;
  }

 private:
  // A program that races with itself over a block can make a bin seem to hold more than there is; no figure may pass 0.
  static void add_cached(Heap& heap, Statistics& now) noexcept {
    for (unsigned c = 0; c < class_count; ++c) {
      const std::size_t most = std::min(heap.figures.live, now.of_class[c].live);
      const std::size_t cached = std::min(heap.bins[c].held() * slot_bytes(c), most);
      heap.figures.add_cached(cached);
      now.of_class[c].add_cached(cached);
      now.spans.add_cached(cached);
    }
  }
};

}  // namespace basalt::engine
