// The engine: heaps over one space.
//
//   malloc(n)                                        free(p)
//     |- Engine::allocate_or    pop from the bin       |- Heap::free          push on the bin
//     `- allocate_slowly                               `- deallocate
//          |- acquire             a heap for this thread    |- LargeBlocks::free   a block of its own
//          |- Heap::refill        bits of a span            |- Heap::make_room     bits of a span
//          `- LargeBlocks         slices or chunks          `- Outbox              home to another heap
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../base/allocator.hpp"
#include "../base/compiler.hpp"
#include "../base/heap_stats.hpp"
#include "../platform/bytes.hpp"
#include "../platform/fatal.hpp"
#include "heap.hpp"
#include "heap_objects.hpp"
#include "heap_pool.hpp"
#include "large.hpp"
#include "memory_handler.hpp"
#include "space.hpp"
#include "statistics.hpp"

namespace basalt::engine {

// `Thread` is how a thread finds its heap and how it says goodbye:
//
//   Thread::heap()         Returns: the heap this thread was given last; at first an empty one.
//   Thread::give(heap)     Effects: that is what `heap` returns from now on.
//   Thread::departed()     Returns: the empty heap that a thread is given when its own is parked.
//   Thread::watch_exit()   Effects: sees to it that `park` is called when this thread ends.
template <AddressSpaceOs System, class Thread>
class Engine {
 public:
  constexpr Engine() noexcept = default;

  // The short path. `Otherwise` says what to return when there is no memory; only the slow path knows of it.
  template <void* (*Otherwise)() noexcept>
  [[nodiscard, gnu::always_inline]] void* allocate_or(std::size_t size) noexcept {
    Heap<System>& heap = *Thread::heap();
    if (size > heap.small_limit) [[unlikely]]
      return allocate_slowly<Otherwise>(size);
    void* slot = nullptr;
    if (!one_address(heap.bins[class_of(size)]).pop(slot)) [[unlikely]]
      return allocate_slowly<Otherwise>(size);
    return slot;
  }

  [[nodiscard, gnu::always_inline]] bool free_shortly(void* p) noexcept { return Thread::heap()->free(p); }
  [[nodiscard, gnu::always_inline]] bool free_shortly(void* p, std::size_t size) noexcept {
    return Thread::heap()->free(p, size);
  }

  // For the rest, see the concept `Allocator`.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (alignment <= natural) return allocate_or<nothing>(size);
    if (size <= largest_small && alignment <= slice_bytes)
      return allocate_or<nothing>(slot_for(size, alignment));
    return handler_.ask_until(size, alignment, [&] { return large().allocate(size, alignment); });
  }

  [[nodiscard]] bool deallocate(void* p) noexcept { return free_shortly(p) || free_slowly(p); }

  // The short path takes back what is in the very class of `size`; the long one asks whether the block can be what the
  // caller takes it for.
  [[nodiscard]] bool deallocate(void* p, std::size_t size) noexcept {
    if (free_shortly(p, size)) return true;
    if (owns(p) && !may_have_been(p, size, usable_size(p))) refuse_size(p, size, usable_size(p));
    return deallocate(p);
  }

  // In place within a quarter of the size; large blocks as long as their neighbours are free; huge ones by moving pages.
  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    if (is_object(space_.window().entry_of(p))) return objects_.reallocate(space_, p, size);
    const std::size_t old = usable_size(p);
    if (size <= old && size >= old - old / 4) return p;
    if (void* const resized = large().resize(p, size)) return resized;
    void* const fresh = allocate_or<nothing>(size);
    if (fresh == nullptr) return nullptr;
    move_bytes(fresh, p, std::min(old, size));
    (void)deallocate(p);
    return fresh;
  }

  [[nodiscard]] std::size_t usable_size(const void* p) const noexcept {
    const std::size_t slice = space_.window().slice_of(p);
    const MapEntry entry = space_.window().entry(slice);
    if (is_object(entry)) return HeapObject<System>::usable_size(space_, slice, entry);
    return is_span(entry) ? slot_bytes(entry & 0xff) : large().usable_size(slice, entry);
  }

  [[nodiscard]] bool owns(const void* p) const noexcept { return space_.window().entry_of(p) != 0; }

  // Heaps that a program makes and destroys. Their blocks are freed, reallocated and asked about like all others.
  [[nodiscard]] HeapObjects<System>& objects() noexcept { return objects_; }
  [[nodiscard]] basalt_heap* create_heap(const HeapTerms& terms) noexcept {
    return objects_.create(space_, terms);
  }

  // Errors: a block that is not of this heap ends the program.
  void free_in(basalt_heap* heap, void* p, const char* caller) noexcept {
    objects_.free_in(heap, space_, p, caller);
  }
  [[nodiscard]] void* reallocate_in(basalt_heap* heap, void* p, std::size_t size,
                                    const char* caller) noexcept {
    objects_.insist(heap, space_, p, caller);
    return objects_.reallocate(space_, p, size);
  }

  // Effects: `handler` is asked, with no lock held, before a request is refused that could be served with more memory.
  AskForMemory set_memory_handler(AskForMemory handler) noexcept { return handler_.set(handler); }

  // Returns: the heap object that p is a block of; nullptr if it is of none.
  [[nodiscard]] basalt_heap* heap_of(const void* p) const noexcept {
    const MapEntry entry = space_.window().entry_of(p);
    return is_object(entry) ? objects_.owner(entry) : nullptr;
  }

  // Also what other threads have given back to a heap that waits for a thread, or whose thread sleeps: nobody else would
  // collect it. What they hold in their bins and on the way stays theirs.
  bool trim() noexcept {
    if (Heap<System>* const heap = departed() ? nullptr : acquire()) {
      send(*heap);
      heap->flush();
    }
    if (Holding hold{shared_lock_}; shared_heap_ != nullptr) shared_heap_->flush();
    if (Holding hold{pool_.lock()}; true) {
      pool_.each([](Heap<System>& heap) { heap.collect(); });
      pool_.each_parked([](Heap<System>& heap) { heap.flush(); });
    }
    if (Holding hold{objects_.lock()}; true) {
      objects_.each([](HeapObject<System>& object) {
        Holding holding{object.lock};
        object.shed();
      });
    }
    return space_.purge() != 0;
  }

  // Taken by walking, not by counting: nothing on the short paths pays for it. Exact while no thread is on a short path;
  // blocks in the bins of threads that run at this moment are counted as they are seen.
  [[nodiscard]] HeapStats stats() const noexcept {
    HeapStats stats;
    with_statistics([&stats](const Statistics& now, const auto&) {
      for (unsigned c = 0; c < class_count; ++c)
        stats.free_blocks += now.of_class[c].unused() / slot_bytes(c);
      stats.grown_bytes = now.mapped - now.metadata;
      stats.live_bytes = now.live();
      stats.free_bytes = stats.grown_bytes - stats.live_bytes;
    });
    return stats;
  }

  // Effects: calls use(statistics, each_heap), where each_heap(visit) calls visit(id, figures) for every heap; id 0 stands for
  // all heap objects together.
  // Requires: `use` does not take statistics. It may allocate.
  template <class Use>
  void with_statistics(Use&& use) const noexcept {
    Holding hold{statistics_lock_};
    Statistics now;
    walk(now);
    use(std::as_const(now), [&](auto&& visit) {
      for (HeapId id = 1; id <= now.heaps; ++id) visit(id, std::as_const(pool_.heap(id).figures));
      if (now.objects.spans != 0) visit(HeapId{0}, std::as_const(now.objects));
    });
  }

  // Walks the heap.  Returns: nullptr if every law holds, else the one that is broken, in words.
  [[nodiscard]] const char* broken_law() const noexcept {
    const char* broken = nullptr;
    each_lock_to_take([](Lock& lock) { lock.lock(); });
    space_.each_span([&](const Span& span) {
      if (broken == nullptr) broken = span.broken_law();
    });
    objects_.each([&](const HeapObject<System>& object) {
      if (broken == nullptr) broken = object.broken_law();
    });
    if (broken == nullptr) broken = space_.broken_law();
    each_lock_to_release([](Lock& lock) { lock.unlock(); });
    return broken;
  }

  // Effects: the heap of the thread that ends waits for another one, with nothing of it stranded.
  void park() noexcept {
    Heap<System>& heap = *Thread::heap();
    if (heap.id == 0) return;
    Thread::give(Thread::departed());
    send(heap);
    heap.rest();
    pool_.park(heap);
  }

  void before_fork() noexcept {
    statistics_lock_.lock_for_fork();
    each_lock_to_take([](Lock& lock) { lock.lock_for_fork(); });
  }
  void after_fork_in_parent() noexcept { after_fork(); }
  void after_fork_in_child() noexcept { after_fork(); }

 private:
  static constexpr std::size_t natural = 16;

  // Returns: whether the block at `p` can have been asked for with `size`: as a new one, at an alignment that `p` has, or
  // as one that `reallocate` left in place.
  [[nodiscard]] static bool may_have_been(const void* p, std::size_t size, std::size_t usable) noexcept {
    if (size > usable) return false;
    const bool left_in_place = usable - size <= usable / 4;
    const bool whole_slices = usable % slice_bytes == 0 && usable - size < slice_bytes;
    if (left_in_place || whole_slices) return true;
    for (std::size_t a = natural; a <= slice_bytes && address_of(p) % a == 0; a *= 2) {
      if (slot_for(size, a) == usable) return true;
    }
    return false;
  }

  [[noreturn, gnu::cold]] static void refuse_size(const void* p, std::size_t size,
                                                  std::size_t usable) noexcept {
    fatal(Text{} << "basalt: invalid size in free_sized: " << p << " has " << usable
                 << " usable bytes and cannot have been asked for with " << size);
  }

  static void* nothing() noexcept { return nullptr; }

  [[nodiscard]] LargeBlocks<System> large() const noexcept { return LargeBlocks<System>{space_}; }

  template <void* (*Otherwise)() noexcept>
  [[gnu::noinline, gnu::cold]] void* allocate_slowly(std::size_t size) noexcept {
    void* const block = handler_.ask_until(size, natural, [&] { return take_slowly(size); });
    return block != nullptr ? block : Otherwise();
  }

  [[nodiscard, gnu::cold]] void* take_slowly(std::size_t size) noexcept {
    if (size > largest_small) return large().allocate(size, natural);
    if (departed()) return with_shared_heap([&](Heap<System>& heap) { return take_small(heap, size); });
    Heap<System>* const heap = acquire();
    return heap == nullptr ? nullptr : take_small(*heap, size);
  }

  [[nodiscard]] void* take_small(Heap<System>& heap, std::size_t size) noexcept {
    const SizeClass c = class_of(size);
    void* slot = nullptr;
    if (heap.bins[c].pop(slot)) return slot;
    rounding_.note(c, size);
    void* const block = heap.refill(c);
    heap.window = space_.window();
    return block;
  }

  [[nodiscard]] bool free_slowly(void* p) noexcept {
    const Window window = space_.window();
    const std::size_t slice = window.slice_of(p);
    if (slice >= window.slices) return false;
    const MapEntry entry = window.entry(slice);
    if (is_object(entry)) {
      objects_.free(space_, p, slice, entry);
      return true;
    }
    if (!is_span(entry)) return large().free(p, slice, entry);
    if (departed()) {
      (void)with_shared_heap([&](Heap<System>& heap) { return take_back(heap, p, entry), true; });
    } else if (Heap<System>* const heap = acquire()) {
      take_back(*heap, p, entry);
    }
    return true;  // without memory for a heap the block is lost; the program is not
  }

  // Effects: a block of a span goes to this heap's bin, or on its way home.
  void take_back(Heap<System>& heap, void* p, MapEntry entry) noexcept {
    heap.window = space_.window();
    const MapEntry own = entry ^ heap.tag;
    if (own < class_count) {
      if (heap.bins[own].push(p)) return;
      heap.make_room(static_cast<SizeClass>(own));
      (void)heap.bins[own].push(p);
    } else {
      if (heap.outbox.full()) send(heap);
      heap.outbox.add(static_cast<std::byte*>(p), slot_bytes(entry & 0xff));
    }
  }

  void send(Heap<System>& heap) noexcept {
    heap.outbox.send(space_, [this](HeapId owner, Span& span) { pool_.heap(owner).supply.announce(span); });
  }

  // Returns: this thread's heap, which it gets at its first use; nullptr when there is no memory for it.
  [[nodiscard]] Heap<System>* acquire() noexcept {
    if (Heap<System>* const mine = Thread::heap(); mine->id != 0) [[likely]]
      return mine;
    Heap<System>* const heap = space_.ready() ? pool_.take(space_) : nullptr;
    if (heap == nullptr) return nullptr;
    heap->window = space_.window();
    Thread::give(heap);
    Thread::watch_exit();
    return heap;
  }

  // A thread whose heap is parked already may still run destructors. It must not take a heap again, since nobody would
  // park that one: such threads share one heap, under a lock, and send what they free home at once.
  [[nodiscard]] static bool departed() noexcept { return Thread::heap() == Thread::departed(); }

  template <class Use>
  [[nodiscard]] auto with_shared_heap(Use&& use) noexcept -> decltype(use(std::declval<Heap<System>&>())) {
    Holding hold{shared_lock_};
    if (shared_heap_ == nullptr && space_.ready()) shared_heap_ = pool_.take(space_);
    if (shared_heap_ == nullptr) return {};
    auto result = use(*shared_heap_);
    send(*shared_heap_);
    return result;
  }

  // The spans before the bins: a slot that was seen on its way home cannot be in a bin any more, so none counts twice.
  void walk(Statistics& now) const noexcept {
    each_lock_to_take([](Lock& lock) { lock.lock(); });
    pool_.each([](Heap<System>& heap) { heap.figures = {}; });
    space_.each_span([&](const Span& span) {
      const std::size_t given_back = span.remote_count();
      pool_.heap(span.remote.owner()).figures.add(span, given_back);
      now.of_class[span.size_class].add(span, given_back);
      now.spans.add(span, given_back);
    });
    pool_.each([&](Heap<System>& heap) { add_cached(heap, now); });
    objects_.each([&](const HeapObject<System>& object) {
      object.each_span([&](const Span& span) {
        now.objects.add(span, 0);
        now.of_class[span.size_class].add(span, 0);
        now.spans.add(span, 0);
      });
    });
    now.huge = space_.huge_bytes();
    now.large = space_.used_bytes() - now.huge - now.spans.bytes;
    now.dirty = space_.dirty_bytes();
    now.clean = space_.mapped_bytes() - space_.used_bytes() - now.dirty;
    now.metadata = space_.table_bytes() + pool_.mapped_bytes() + objects_.mapped_bytes();
    now.mapped = space_.mapped_bytes() + now.metadata;
    now.heaps = pool_.count();
    each_lock_to_release([](Lock& lock) { lock.unlock(); });
    for (unsigned c = 0; c < class_count; ++c)
      now.rounding_sampled += rounding_.estimate(c, now.of_class[c].live / slot_bytes(c));
  }

  // A program that races with itself over a block can make a bin seem to hold more than there is; no figure may pass 0.
  static void add_cached(Heap<System>& heap, Statistics& now) noexcept {
    for (unsigned c = 0; c < class_count; ++c) {
      const std::size_t most = std::min(heap.figures.live, now.of_class[c].live);
      const std::size_t cached = std::min(heap.bins[c].held() * slot_bytes(c), most);
      heap.figures.add_cached(cached);
      now.of_class[c].add_cached(cached);
      now.spans.add_cached(cached);
    }
  }

  // Every lock there is, in the order in which they nest. While the pool's is held, no heap comes to be.
  template <class Visitor>
  void each_lock_to_take(Visitor&& take) const noexcept {
    take(shared_lock_);
    take(pool_.lock());
    pool_.each([&](Heap<System>& heap) { take(heap.lock); });
    take(objects_.lock());
    objects_.each([&](HeapObject<System>& object) { take(object.lock); });
    take(space_.lock());
  }

  template <class Visitor>
  void each_lock_to_release(Visitor&& release) const noexcept {
    release(space_.lock());
    objects_.each([&](HeapObject<System>& object) { release(object.lock); });
    release(objects_.lock());
    pool_.each([&](Heap<System>& heap) { release(heap.lock); });
    release(pool_.lock());
    release(shared_lock_);
  }

  void after_fork() noexcept {
    each_lock_to_release([](Lock& lock) { lock.unlock_after_fork(); });
    statistics_lock_.unlock_after_fork();
  }

  mutable Space<System> space_;
  HeapPool<System> pool_;
  HeapObjects<System> objects_;
  MemoryHandler handler_;
  RoundingSample rounding_;
  mutable Lock statistics_lock_;         // guards the figures of all heaps; taken before every other lock
  mutable Lock shared_lock_;             // guards the shared heap
  Heap<System>* shared_heap_ = nullptr;  // of threads that have parked their own
};

}  // namespace basalt::engine
