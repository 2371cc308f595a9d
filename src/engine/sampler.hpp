// Requests that are counted: which of them get a guarded slot, and which a profile is told of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/result.hpp"
#include "../guard/guarded_slots.hpp"
#include "../platform/start.hpp"
#include "heap.hpp"
#include "large.hpp"
#include "parts.hpp"
#include "policy.hpp"
#include "short_path.hpp"

namespace basalt::engine {

[[nodiscard]] constexpr bool has_slot(std::size_t size, std::size_t alignment) noexcept {
  return size <= largest_small && alignment <= slice_bytes;
}

[[nodiscard]] constexpr guard::Request request_for(std::size_t size, std::size_t alignment,
                                                   Origin origin) noexcept {
  return {size, alignment, origin,
          has_slot(size, alignment) ? slot_for(size, alignment) : align_up(size, slice_bytes)};
}

// A sampled block has to be noticed when it is freed, and the short path looks at no more than its slice. So small ones lie in
// spans of a heap object of their own, and their frees are on the slow path, as those of large and of guarded blocks
// are anyway.
template <AddressSpaceOs System, class Profile, class Checks = engine::Checks>
class Sampler {
 public:
  using Heap = engine::Heap<System, Checks>;

  Sampler(Parts<System, Checks>& parts, Profile& profile) noexcept : parts_{parts}, profile_{profile} {}

  // Returns: a block for a request, which is counted; `ordinary` makes it if it is due for nothing, or there is no other.
  // Requires: `heap` is the thread's, or nullptr if nothing is counted for it. No lock is held.
  template <class Ordinary>
  [[nodiscard]] void* serve(Heap* heap, const guard::Request& request, Ordinary&& ordinary) noexcept {
    if (heap == nullptr) return ordinary();
    follow(*heap);
    if (!heap->countdown.counts()) [[likely]]
      return ordinary();
    const std::size_t period = heap->countdown.period();
    const Due due = take(*heap, request.size);
    const bool slot = has_slot(request.size, request.alignment);
    guard::Request asked = request;
    asked.size -= policy().overlay.margin;
    void* block = due.guard ? parts_.guarded.allocate(asked, policy().sampling().slots) : nullptr;
    if (block == nullptr && due.profile && slot) block = sampled_slot(request);
    const bool noticed = block != nullptr || !slot;
    if (block == nullptr) block = ordinary();
    if (block == nullptr || !due.profile) return block;
    noticed ? profile_.note(block, request.size, period) : profile_.lose();
    return block;
  }

  // Returns: as LargeBlocks::resize. A block that was resized counts as freed and requested.
  [[nodiscard]] void* resize(Heap* heap, void* p, std::size_t size) noexcept {
    profile_.forget(p);  // now: once it has moved, the place may be another block's
    void* const resized = LargeBlocks<System>{parts_.space}.resize(p, size);
    if (resized != nullptr && heap != nullptr && heap->countdown.counts()) {
      const std::size_t period = heap->countdown.period();
      if (take(*heap, size).profile) profile_.note(resized, size, period);
    }
    return resized;
  }

  [[nodiscard]] Profile& profile() const noexcept { return profile_; }

  // Effects: one byte in `period` has its request sampled from now on, in every thread; 0: none, and what has been sampled is
  // followed until it is freed.
  [[nodiscard]] Error set_period(std::size_t period) noexcept {
    if (period != 0) {
      if (const Error error = profile_.ready()) return error;
      if (!have_heap_of_samples()) return out_of_memory;
    }
    policy().sample_bytes.store(period, std::memory_order_relaxed);
    Holding hold{parts_.pool.lock()};
    if (period != 0) parts_.pool.each([](Heap& heap) { leave_short_path(heap); });
    return no_error;
  }

  // Effects: a forked child draws other numbers than its parent.
  void differ_from_parent(Heap& heap) noexcept {
    parts_.guarded.reseed();
    if (heap.countdown.counts()) draw(heap, {heap.countdown.rate() != 0, heap.countdown.period() != 0});
  }

 private:
  [[nodiscard]] Policy& policy() const noexcept { return parts_.space.policy; }

  // Before libc is up there is no handler that could hear of a fault.
  [[nodiscard]] std::uint32_t rate() const noexcept { return libc_up() ? policy().sampling().rate : 0; }
  [[nodiscard]] std::size_t period() const noexcept {
    return policy().sample_bytes.load(std::memory_order_relaxed);
  }

  // Effects: the heap counts what the policy wishes it to. Whoever changes that looks in at every heap, under its lock: so
  // that a heap cannot return to its short path with what it has read before.
  void follow(Heap& heap) noexcept {
    if (rate() == heap.countdown.rate() && period() == heap.countdown.period()) [[likely]]
      return;
    Holding hold{heap.lock};
    draw(heap, {rate() != heap.countdown.rate(), period() != heap.countdown.period()});
    heap.small_limit.store(heap.countdown.counts() ? 0 : largest_small + 1, std::memory_order_relaxed);
  }

  [[nodiscard]] Due take(Heap& heap, std::size_t size) noexcept {
    const Due due = heap.countdown.take(size);
    draw(heap, due);
    return due;
  }

  void draw(Heap& heap, Due due) noexcept {
    if (due.guard) heap.countdown.draw_guard(rate(), parts_.guarded.random());
    if (due.profile) heap.countdown.draw_profile(period(), parts_.guarded.random());
  }

  // Its thread finds out why on its next request.
  static void leave_short_path(Heap& heap) noexcept {
    Holding hold{heap.lock};
    heap.small_limit.store(0, std::memory_order_relaxed);
  }

  [[nodiscard]] void* sampled_slot(const guard::Request& request) noexcept {
    return parts_.objects.allocate(parts_.samples.get(), request.size, request.alignment);
  }

  // There is one for the life of the process; a thread that comes second gives its own back.
  [[nodiscard]] bool have_heap_of_samples() noexcept {
    if (parts_.samples.get() != nullptr) return true;
    basalt_heap* const heap = parts_.objects.create(parts_.space, {.name = "sampled blocks"});
    if (heap == nullptr) return false;
    if (parts_.samples.offer(heap) != heap) parts_.objects.destroy(heap);
    return true;
  }

  Parts<System, Checks>& parts_;
  Profile& profile_;
};

}  // namespace basalt::engine
