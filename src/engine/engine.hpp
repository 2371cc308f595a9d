// The engine: heaps over one space.
//
//   malloc(n)                                        free(p)
//     |- HeapFront::allocate    pop from the bin       |- HeapFront::free     push on the bin
//     `- allocate_slowly                               `- free_slowly
//          |- acquire             a heap for this thread    |- LargeBlocks::free   a block of its own
//          |- Heap::refill        bits of a span            |- Heap::make_room     bits of a span
//          `- LargeBlocks         slices or chunks          `- Outbox              home to another heap
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../base/allocator.hpp"
#include "../base/heap_stats.hpp"
#include "../base/origin.hpp"
#include "../platform/bytes.hpp"
#include "alone.hpp"
#include "heap.hpp"
#include "heap_objects.hpp"
#include "heap_pool.hpp"
#include "large.hpp"
#include "memory_handler.hpp"
#include "nested.hpp"
#include "no_profile.hpp"
#include "parts.hpp"
#include "policy.hpp"
#include "sampler.hpp"
#include "sized_free.hpp"
#include "space.hpp"
#include "statistics.hpp"

namespace basalt::engine {

// `Thread` is how a thread finds its heap and how it says goodbye:
//
//   Thread::heap()         Returns: the heap this thread was given last; at first an empty one.
//   Thread::give(heap)     Effects: that is what `heap` returns from now on.
//   Thread::departed()     Returns: the empty heap that a thread is given when its own is parked.
//   Thread::busy()         Returns: a flag of this thread, an std::atomic<bool>; at first false.
//   Thread::watch_exit()   Effects: sees to it that `park` is called when this thread ends.
// `Profile` is told of the requests that are sampled for it: see NoProfile.
template <AddressSpaceOs System, class Thread, class Profile = NoProfile, class Checks = engine::Checks>
class Engine {
  using Heap = engine::Heap<System, Checks>;

 public:
  constexpr Engine() noexcept = default;

  // A thread gets its heap, and the engine its window, at the first call that needs them.
  static constexpr bool prepares_itself = true;

  // For what follows, see the concept `Allocator`. The doors try the short paths of the thread's heap before they ask here.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment,
                               Origin origin = Origin::unknown) noexcept {
    if (alignment <= natural) return allocate(size, origin);
    void* slot = nullptr;
    if (has_slot(size, alignment) && Thread::heap()->allocate(slot_for(size, alignment), slot)) return slot;
    return allocate_slowly(size, alignment, origin);
  }

  [[nodiscard]] void* allocate_zeroed(std::size_t size) noexcept {
    if (size > largest_small) {
      const guard::Request request = request_for(size, natural, Origin::malloc);
      return take_or_ask(size, natural, [&] {
        return sampler().serve(counting_heap(), request, [&] { return large().allocate_zeroed(size); });
      });
    }
    void* const block = allocate(size, Origin::malloc);
    if (block != nullptr) clear_bytes(block, size);
    return block;
  }

  [[nodiscard]] bool deallocate(void* p, Origin origin = Origin::unknown) noexcept {
    return Thread::heap()->free(p) || free_slowly(p, origin);
  }

  // The short path takes back what is in the very class of `size`; the slow one asks whether the block can be what the
  // caller takes it for.
  [[nodiscard]] bool deallocate(void* p, std::size_t size, Origin origin = Origin::unknown) noexcept {
    if (Thread::heap()->free(p, size)) return true;
    if (parts_.guarded.owns(p)) return parts_.guarded.insist_on_size(p, size), free_slowly(p, origin);
    if (owns(p) && !nested_.owns(p) && !may_have_been(p, size, usable_size(p), origin))
      refuse_size(parts_.space, p, size, usable_size(p));
    return deallocate(p, origin);
  }

  // In place within a quarter of the size; large blocks as long as their neighbours are free; huge ones by moving pages.
  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    const MapEntry entry = parts_.space.entry_of(p);
    if (is_object(entry) && !parts_.holds_samples(entry))
      return parts_.objects.reallocate(parts_.space, p, size);
    parts_.insist_on_block(p, entry);
    const bool guarded = parts_.guarded.owns(p);
    const std::size_t old = guarded ? parts_.guarded.usable_size(p, "realloc") : usable_size(p);
    if (!guarded && size <= old && size >= old - old / 4) return p;
    const bool in_slot = guarded || is_span(entry);
    if (void* const resized = in_slot ? nullptr : resize_large(p, size)) return resized;
    void* const fresh = allocate(size, Origin::malloc);
    if (fresh == nullptr) return nullptr;
    move_bytes(fresh, p, std::min(old, size));
    (void)deallocate(p, Origin::malloc);
    return fresh;
  }

  [[nodiscard]] std::size_t usable_size(const void* p) const noexcept {
    if (nested_.owns(p)) return NestedBlocks<System>::slot_bytes;
    if (parts_.guarded.owns(p)) return parts_.guarded.usable_size(p, "malloc_usable_size");
    const std::size_t slice = parts_.space.slice_of(p);
    const MapEntry entry = parts_.space.entry(slice);
    if (is_object(entry)) return HeapObject<System>::usable_size(parts_.space, slice, entry);
    return is_span(entry) ? usable_bytes(entry & 0xff) : large().usable_size(slice, entry);
  }

  [[nodiscard]] bool owns(const void* p) const noexcept {
    return parts_.space.entry_of(p) != 0 || nested_.owns(p) || parts_.guarded.owns(p);
  }

  // Heaps that a program makes and destroys. Their blocks are freed, reallocated and asked about like all others.
  [[nodiscard]] HeapObjects<System>& objects() noexcept { return parts_.objects; }
  [[nodiscard]] basalt_heap* create_heap(const HeapTerms& terms) noexcept {
    return parts_.objects.create(parts_.space, terms);
  }

  // Errors: a block that is not of this heap ends the program.
  void free_in(basalt_heap* heap, void* p, const char* caller) noexcept {
    parts_.objects.free_in(heap, parts_.space, p, caller);
  }
  [[nodiscard]] void* reallocate_in(basalt_heap* heap, void* p, std::size_t size,
                                    const char* caller) noexcept {
    parts_.objects.insist(heap, parts_.space, p, caller);
    return parts_.objects.reallocate(parts_.space, p, size);
  }

  // Effects: `handler` is asked, with no lock held, before a request is refused that could be served with more memory.
  AskForMemory set_memory_handler(AskForMemory handler) noexcept { return handler_.set(handler); }

  // Returns: the heap object that p is a block of; nullptr if it is of none.
  [[nodiscard]] basalt_heap* heap_of(const void* p) const noexcept {
    const MapEntry entry = parts_.space.entry_of(p);
    return is_object(entry) && !parts_.holds_samples(entry) ? parts_.objects.owner(entry) : nullptr;
  }

  // Effects: gives free memory back to the system, also what this thread's bins hold and what others have given back to heaps whose
  // threads sleep or have ended. What others hold in their bins they give back themselves, when they are on a slow path next.
  // Returns: whether anything went back to the system, and how many bytes.
  bool trim() noexcept { return purge() != 0; }
  std::size_t purge() noexcept {
    if (interrupted()) return 0;
    Alone alone;
    Heap* const mine = departed() ? nullptr : acquire();
    parts_.bring_home(mine);
    return parts_.purge();
  }

  // For what is built over an engine: whose memory it is, how it is cut, and who has it.
  [[nodiscard]] guard::GuardedSlots<System>& guarded() const noexcept { return parts_.guarded; }
  [[nodiscard]] constexpr Space<System>& space() const noexcept { return parts_.space; }
  [[nodiscard]] HeapPool<System>& pool() noexcept { return parts_.pool; }

  // Effects: calls use(sampler), by which requests are sampled for the profile, and which has it. It must not allocate from here.
  template <class Use>
  void with_sampler(Use&& use) noexcept {
    Alone alone;
    use(sampler());
  }

  // What may be tuned, by whoever gives the options their values.
  [[nodiscard]] Policy& policy() noexcept { return parts_.space.policy; }
  [[nodiscard]] const Policy& policy() const noexcept { return parts_.space.policy; }

  // Taken by walking, not by counting: nothing on the short paths pays for it. Exact while no thread is on a short path;
  // blocks in the bins of threads that run at this moment are counted as they are seen.
  [[nodiscard]] HeapStats stats() const noexcept {
    HeapStats stats;
    with_statistics([&stats](const Statistics& now, const auto&) { stats = now.in_short(); });
    return stats;
  }

  // Effects: calls use(statistics, each_heap), where each_heap(visit) calls visit(id, figures) for every heap; id 0 stands for
  // all heap objects together.
  // Requires: `use` does not take statistics. It may allocate.
  template <class Use>
  void with_statistics(Use&& use) const noexcept {
    Holding hold{parts_.statistics_lock};
    Statistics now;
    if (Alone alone; true) parts_.walk(now);
    now.add_metadata(profile_.table_bytes());
    use(std::as_const(now), [&](auto&& visit) {
      for (HeapId id = 1; id <= now.heaps; ++id) visit(id, std::as_const(parts_.pool.heap(id).figures));
      if (now.objects.spans != 0) visit(HeapId{0}, std::as_const(now.objects));
    });
  }

  // Effects: calls visit(range) for each mapping that describes the heap and has no block. It must not allocate from here.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    Holding hold{parts_.statistics_lock};
    Alone alone;
    parts_.each_table(visit);
    profile_.each_table(visit);
  }

  // Walks the heap.  Returns: nullptr if every law holds, else the one that is broken, in words.
  [[nodiscard]] const char* broken_law() const noexcept { return parts_.broken_law(); }

  // Effects: the heap of the thread that ends waits for another one, with nothing of it stranded.
  void park() noexcept {
    Heap& heap = *Thread::heap();
    if (heap.id == 0) return;
    Alone alone;
    Thread::give(Thread::departed());
    parts_.send(heap.outbox);
    heap.rest();
    parts_.pool.park(heap);
  }

  // Whoever forks in a signal handler cannot wait for what the interrupted call holds: such locks are left as they are. All
  // together they are looked at no longer than one would be.
  void before_fork() noexcept {
    unsigned looks = Lock::patience;
    const auto take = [&](Lock& lock) {
      interrupted() ? lock.lock_for_fork_if_open(looks) : lock.lock_for_fork();
    };
    take(profile_.lock());
    take(parts_.statistics_lock);
    parts_.each_lock_to_take(take);
  }
  void after_fork_in_parent() noexcept { after_fork(); }
  void after_fork_in_child() noexcept {
    if (!interrupted()) parts_.pool.adopt_all_but(Thread::heap(), parts_.shared_heap);
    sampler().differ_from_parent(*Thread::heap());
    after_fork();
  }

 protected:
  // Whether this thread is in a slow path already: then whoever asks runs in a signal handler.
  [[nodiscard]] static bool interrupted() noexcept { return Thread::busy().load(std::memory_order_relaxed); }

  // Returns: the block with its new size, where it is or, a huge one, where its pages have gone; nullptr if that cannot be, and it is
  // as it was.  Requires: a live large block.
  [[nodiscard]] void* resize_large(void* p, std::size_t size) noexcept {
    if (interrupted()) return nullptr;
    Alone alone;
    return sampler().resize(counting_heap(), p, size);
  }

 private:
  static constexpr std::size_t natural = 16;

  // While requests are counted, the shortest path serves none, and most are served by the same bins here.
  [[nodiscard, gnu::always_inline]] void* allocate(std::size_t size, Origin origin) noexcept {
    Heap& heap = *Thread::heap();
    void* slot = nullptr;
    if (heap.allocate(size, slot)) return slot;
    if (heap.allocate_counted(size, slot)) return slot;
    return allocate_slowly(size, natural, origin);
  }

  [[nodiscard]] Sampler<System, Profile, Checks> sampler() noexcept { return {parts_, profile_}; }

  // Returns: the heap that counts this thread's requests; nullptr if nobody does.
  [[nodiscard]] Heap* counting_heap() noexcept {
    if (Thread::heap()->id != 0) return Thread::heap();
    return departed() || !policy().counts() ? nullptr : acquire();
  }

  [[nodiscard]] LargeBlocks<System> large() const noexcept { return LargeBlocks<System>{parts_.space}; }

  [[nodiscard, gnu::noinline, gnu::cold]] void* allocate_slowly(std::size_t size, std::size_t alignment,
                                                                Origin origin) noexcept {
    const guard::Request request = request_for(size, alignment, origin);
    return take_or_ask(size, alignment, [&] { return take_slowly(request); });
  }

  // A signal handler that has interrupted this thread in a slow path must not wait for what the thread holds.
  template <class Take>
  [[nodiscard, gnu::cold]] void* take_or_ask(std::size_t size, std::size_t alignment, Take&& take) noexcept {
    if (interrupted()) return nested_.allocate(size, alignment);
    return handler_.ask_until(size, alignment, [&] {
      return within_limit(size, [&] {
        Alone alone;
        return take();
      });
    });
  }

  using Alone = engine::Alone<Thread>;

  // What bins hold counts against the limit on the process: before it is why there is no memory, they are emptied.
  template <class Take>
  [[nodiscard, gnu::cold]] void* within_limit(std::size_t size, Take&& take) noexcept {
    void* const block = take();
    const std::size_t limit = policy().hard();
    if (block != nullptr || limit == unlimited || size > limit) [[likely]]
      return block;
    (void)purge();
    return take();
  }

  [[nodiscard, gnu::cold]] void* take_slowly(const guard::Request& request) noexcept {
    return sampler().serve(counting_heap(), request, [&]() -> void* {
      if (!has_slot(request.size, request.alignment))
        return large().allocate(request.size, request.alignment);
      Heap* const own = departed() ? nullptr : acquire();
      if (own != nullptr) return take_small(*own, request);
      return parts_.with_shared_heap([&](Heap& heap) { return take_small(heap, request); });
    });
  }

  [[nodiscard]] void* take_small(Heap& heap, const guard::Request& request) noexcept {
    const SizeClass c = class_of(request.alignment <= natural ? request.size : request.rounding);
    void* slot = nullptr;
    if (heap.bins[c].pop(slot)) return slot;
    parts_.rounding.note(c, request.size);
    void* const block = heap.refill(c);
    heap.window = parts_.space.window();
    parts_.sweep_if_grown();
    return block;
  }

  [[nodiscard]] bool free_slowly(void* p, Origin origin) noexcept {
    const std::size_t slice = parts_.space.slice_of(p);
    const bool guarded = parts_.guarded.owns(p);
    if (slice == Space<System>::none && !guarded) return nested_.free(p);
    if (interrupted()) return true;  // lost: home is where the interrupted call may be at work
    Alone alone;
    if (guarded || !is_span(parts_.space.entry(slice))) profile_.forget(p);
    return guarded ? parts_.guarded.free(p, origin) : free_in_slice(p, slice);
  }

  [[nodiscard]] bool free_in_slice(void* p, std::size_t slice) noexcept {
    const MapEntry entry = parts_.space.entry(slice);
    if (is_object(entry)) {
      parts_.objects.free(parts_.space, p, slice, entry);
      return true;
    }
    if (!is_span(entry)) return large().free(p, slice, entry);
    Heap* const heap = departed() ? nullptr : acquire();
    heap != nullptr ? take_back(*heap, p, slice, entry) : send_home(p, slice, entry);
    return true;
  }

  // Effects: a block of a span goes home at once: this thread has parked its heap, or there is no memory for one.
  [[gnu::noinline, gnu::cold]] void send_home(void* p, std::size_t slice, MapEntry entry) noexcept {
    Outbox<Checks> outbox;
    outbox.add(static_cast<std::byte*>(p), parts_.space.span_of(slice), slot_bytes(entry & 0xff));
    parts_.send(outbox);
  }

  // Effects: a block of a span goes to this heap's bin, or on its way home.
  void take_back(Heap& heap, void* p, std::size_t slice, MapEntry entry) noexcept {
    heap.window = parts_.space.window();
    const MapEntry own = entry ^ heap.tag;
    if (own < class_count) {
      if (heap.bins[own].push(p)) return;
      if (heap.bins[own].came_last(p)) refuse_double(parts_.space.span_of(slice), p, Noticed::at_once);
      heap.make_room(static_cast<SizeClass>(own));
      (void)heap.bins[own].push(p);
    } else {
      if (heap.outbox.full()) parts_.send(heap.outbox);
      Span& span = parts_.space.span_of(slice);
      heap.outbox.add(static_cast<std::byte*>(p), span, slot_bytes(entry & 0xff));
    }
  }

  // Returns: this thread's heap, which it gets at its first use; nullptr when there is no memory for it.
  [[nodiscard]] Heap* acquire() noexcept {
    if (Heap* const mine = Thread::heap(); mine->id != 0) [[likely]]
      return mine;
    Heap* const heap = parts_.space.ready() ? parts_.pool.take(parts_.space) : nullptr;
    if (heap == nullptr) return nullptr;
    heap->window = parts_.space.window();
    Thread::give(heap);
    Thread::busy().store(false, std::memory_order_relaxed);  // libc may allocate, as any caller does
    Thread::watch_exit();
    Thread::busy().store(true, std::memory_order_relaxed);
    return heap;
  }

  // A thread whose heap is parked already may still run destructors. It must not take a heap again, since nobody would
  // park that one: see Parts::with_shared_heap.
  [[nodiscard]] static bool departed() noexcept { return Thread::heap() == Thread::departed(); }

  void after_fork() noexcept {
    parts_.each_lock_to_release([](Lock& lock) { lock.unlock_after_fork(); });
    parts_.statistics_lock.unlock_after_fork();
    profile_.lock().unlock_after_fork();
  }

  Parts<System, Checks> parts_;
  Profile profile_;
  MemoryHandler handler_;
  NestedBlocks<System> nested_;
};

}  // namespace basalt::engine
