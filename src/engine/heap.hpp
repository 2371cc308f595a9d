// A heap: what a thread allocates from.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/range.hpp"
#include "../platform/bytes.hpp"
#include "lock.hpp"
#include "outbox.hpp"
#include "policy.hpp"
#include "short_path.hpp"
#include "size_class.hpp"
#include "span_supply.hpp"
#include "statistics.hpp"

namespace basalt::engine {

// Its front is used by its own thread without the lock, and so is the outbox; `supply` is under it.
//
// A bin is closed while a slow path is at it: the short path of a handler of signals finds nothing to do there.
template <AddressSpaceOs System, class Checks = engine::Checks>
struct Heap : HeapFront<Checks> {
  using Bin = engine::Bin<Checks>;
  using HeapFront<Checks>::bins;

  HeapId id = 0;
  Heap* next_parked = nullptr;
  bool parked = false;  // it waits for a thread
  Outbox<Checks> outbox;
  Policy* policy = nullptr;
  Range arrays;                              // what the arrays of the bins lie in, down from its end
  void** arrays_begin = nullptr;             // of those that there are
  std::atomic<bool> flush_is_wanted{false};  // somebody has purged since
  // Nulls, where closed bins, and those without an array, have their top. They lie above all arrays.
  alignas(2 * sizeof(void*)) void* nothing[Bin::ahead + 2] = {};
  Lock lock;
  SpanSupply<System, Checks> supply;
  SpanFigures figures;  // as they were when statistics were last taken: see Engine::with_statistics

  void start(Space<System>& space, HeapId name, Range room) noexcept {
    id = name;
    this->tag = tag_of(name);
    this->small_limit.store(largest_small + 1, std::memory_order_relaxed);
    policy = &space.policy;
    arrays = room;
    start_bins();
    supply.start(space, name);
  }

  // Returns: what lies beside the heap, for whoever is built over the engine.
  [[nodiscard]] std::byte* annex() noexcept {
    return reinterpret_cast<std::byte*>(this) + align_up(sizeof(Heap), 64);
  }

  // Returns: a slot, after the bin of class `c` was filled to the half; nullptr when there is no memory.
  [[nodiscard]] void* refill(SizeClass c) noexcept {
    flush_if_wanted();
    Bin& bin = bins[c];
    Holding hold{lock};
    Held held = bin.close(nowhere());
    fit(bin, c, held);
    if (held.count == 0) {
      held.coldest = bin.base();
      held.count = supply.take(c, bin.base(), static_cast<unsigned>(bin.capacity() / 2));
    }
    bin.open(held);
    void* slot = nullptr;
    (void)bin.pop(slot);
    return slot;
  }

  // Effects: a full bin gets room: a wider array, or its colder half goes back to the spans. If it holds more than the policy
  // wants it to by now, more than half goes.
  void make_room(SizeClass c) noexcept {
    flush_if_wanted();
    Bin& bin = bins[c];
    Holding hold{lock};
    Held held = bin.close(nowhere());
    const std::size_t bound = fit(bin, c, held);
    if (held.count >= bin.capacity()) {
      leave(held, held.count - std::min(held.count, bound) / 2);
      fit(bin, c, held);
    }
    bin.open(held);
  }

  // Effects: readies the heap to wait for another thread. What little lies in its bins stays, since a program that makes
  // one thread after another would cut the same spans each time; more than that goes back.
  void rest() noexcept {
    std::size_t bytes = 0;
    for (unsigned c = 0; c < class_count; ++c) bytes += bins[c].held() * slot_bytes(c);
    if (bytes > kept_at_rest * policy->bin_bytes()) flush();
  }

  // Effects: everything in the bins goes back to the spans, but the `hottest` ones of each; and spans that are empty then to the
  // space. Where a handler of signals may be the caller, the hottest one stays: an interrupted pop may have read it.
  void flush(std::size_t hottest = 0) noexcept {
    flush_is_wanted.store(false, std::memory_order_relaxed);
    Holding hold{lock};
    for (Bin& bin : bins) {
      Held held = bin.close(nowhere());
      leave(held, held.count - std::min(held.count, hottest));
      bin.open(held);
    }
    supply.release_empty();
  }

  // Effects: nothing is in the bins, and they begin anew: where their arrays were, no pages are.
  // Requires: no thread has the heap.
  void empty() noexcept {
    flush();
    Holding hold{lock};
    auto* const used = reinterpret_cast<std::byte*>(arrays_begin);
    if (used == arrays.end()) return;
    start_bins();
    const std::size_t page = System::page_size();
    const Range pages = range_between(align_down(used, page), align_down(arrays.end(), page));
    if (pages.size != 0 && System::decommit(pages)) clear_bytes(pages.begin, pages.size);
    clear_bytes(pages.end(), static_cast<std::size_t>(arrays.end() - pages.end()));
  }

  // Effects: what other threads have given back is taken home; the bins follow when the heap's own thread is on a slow path
  // next. Any thread.
  void collect() noexcept {
    flush_is_wanted.store(true, std::memory_order_relaxed);
    Holding hold{lock};
    supply.release_empty();
  }

  // Effects: the pages go back to the system in which no block lives.  Returns: the bytes that went. Any thread.
  std::size_t make_holes() noexcept {
    Holding hold{lock};
    return supply.make_holes();
  }

  // Effects: what lies in the bins comes in another order, and so does what fills them.  Requires: the lock, and that the
  // heap's thread is not in a bin.
  void shuffle_anew(std::uint64_t entropy) noexcept {
    supply.reseed(entropy);
    for (Bin& bin : bins) {
      const Held held = bin.close(nowhere());
      supply.shuffle(held.coldest, static_cast<unsigned>(held.count));
      bin.open(held);
    }
  }

  // Effects: takes home what other threads have given back, unless somebody is at it. Any thread.
  void collect_unless_busy() noexcept {
    if (!lock.try_lock()) return;
    supply.release_empty();
    lock.unlock();
  }

  // Returns: what all arrays take up that bins may ever have.
  [[nodiscard]] static constexpr std::size_t most_array_bytes() noexcept {
    std::size_t words = 0;
    for (unsigned c = 0; c < class_count; ++c) {
      for (std::size_t slots = 0; wider(slots, c) > slots; slots = wider(slots, c))
        words += Bin::words_for(wider(slots, c));
    }
    return words * sizeof(void*);
  }

 private:
  using Held = typename Bin::Held;

  // Slots of a bin at first; it doubles when the bin is used.
  static constexpr std::size_t first_capacity = 8;
  static constexpr std::size_t kept_at_rest = 4;      // full bins' bytes, in those of a heap without a thread
  static constexpr std::size_t least_capacity = 8;    // what a bin may hold is up to the policy, but
  static constexpr std::size_t most_capacity = 1024;  // so many slots at least, and so many at most

  void flush_if_wanted() noexcept {
    if (flush_is_wanted.load(std::memory_order_relaxed)) [[unlikely]]
      flush(1);
  }

  [[nodiscard]] void** nowhere() noexcept { return nothing + Bin::ahead; }

  void start_bins() noexcept {
    arrays_begin = reinterpret_cast<void**>(arrays.end());
    for (Bin& bin : bins) bin.start(nowhere());
  }

  // Effects: the `slots` coldest ones go back to the spans.
  void leave(Held& held, std::size_t slots) noexcept {
    supply.put(held.coldest, slots);
    held.coldest += slots;
    held.count -= slots;
  }

  // Effects: the closed bin's room comes closer to its bound: twice what it is, or down to it, if it does not hold more.
  // Returns: the bound, in slots.
  //
  // Each array is laid before all there are; one that was outgrown stays behind, unused. So they double, however the bound goes up and
  // down.
  std::size_t fit(Bin& bin, SizeClass c, Held& held) noexcept {
    const std::size_t bound = std::clamp(policy->bin_bytes() / slot_bytes(c), least_capacity, most_capacity);
    const std::size_t now = bin.capacity();
    const std::size_t wish = std::min(std::max(2 * now, first_capacity), bound);
    if (wish < now) {
      if (held.count <= wish) bin.resize(wish);
    } else {
      if (wish > bin.array_slots()) widen(bin, c, held);
      bin.resize(std::min(wish, bin.array_slots()));
    }
    return bound;
  }

  void widen(Bin& bin, SizeClass c, Held& held) noexcept {
    const std::size_t slots = wider(bin.array_slots(), c);
    if (arrays_begin - reinterpret_cast<void**>(arrays.begin) <
        static_cast<std::ptrdiff_t>(Bin::words_for(slots)))
      return;
    arrays_begin -= Bin::words_for(slots);
    bin.move_to(arrays_begin + Bin::ahead, slots, held);
  }

  // Returns: how many slots the array has that comes after one of so many, for a bin of class `c`.
  [[nodiscard]] static constexpr std::size_t wider(std::size_t slots, unsigned c) noexcept {
    const std::size_t most = std::clamp(Policy::most_cache / slot_bytes(c), least_capacity, most_capacity);
    return std::min(std::max(2 * slots, first_capacity), most);
  }
};

}  // namespace basalt::engine
