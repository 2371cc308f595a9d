// What may be tuned while the engine runs. One word each, read on slow paths only; the options write it, see options.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../guard/sampling.hpp"
#include "overlay.hpp"

namespace basalt::engine {

inline constexpr std::size_t unlimited = SIZE_MAX;

// Each is read and written by itself, in no order with anything else: a thread that sees a change late does what was right
// a moment ago. As they stand here they are the profile `balanced`.
//
// `bytes for blocks` are those of slices and chunks in use, and of free ones that may still have their pages.
class alignas(64) Policy {
 public:
  constexpr Policy() noexcept = default;

  std::atomic<std::size_t> profile{1};        // the one that was chosen last
  std::atomic<std::size_t> cache{64 * KiB};   // bytes of one size class that a thread keeps in its bin
  std::atomic<std::size_t> keep{32 * MiB};    // bytes of free memory that are kept at least before a purge
  std::atomic<std::size_t> keep_percent{12};  // of what is in use, if that is more
  // Bytes in use from which on what is mapped gets huge pages.
  std::atomic<std::size_t> huge_pages{256 * MiB};
  // Bytes for blocks: above it, free memory goes back at once.
  std::atomic<std::size_t> soft_limit{unlimited};
  std::atomic<std::size_t> hard_limit{unlimited};  // bytes for blocks: above it, there is no more
  std::atomic<std::size_t> container{1};           // 1: respect what follows; 0: do not
  std::atomic<std::size_t> guard{0};               // which requests get guarded slots: a guard::Sampling
  std::atomic<std::size_t> sample_bytes{0};  // bytes from one sample of the profile to the next; 0: none

  // What the container allows, found once at load.
  std::atomic<std::size_t> container_bytes{unlimited};
  std::atomic<std::size_t> processors{0};  // 0: not known

  Overlay overlay;

  std::atomic<std::size_t> heaps{0};  // that have a thread: counted by the HeapPool

  [[nodiscard]] guard::Sampling sampling() const noexcept {
    return guard::Sampling::from(guard.load(std::memory_order_relaxed));
  }

  // Returns: whether any requests are counted.
  [[nodiscard]] bool counts() const noexcept {
    return sampling().rate != 0 || sample_bytes.load(std::memory_order_relaxed) != 0;
  }

  [[nodiscard]] std::size_t hard() const noexcept { return hard_limit.load(std::memory_order_relaxed); }

  // Returns: how many bytes of free memory should keep their pages while so many are in use.
  [[nodiscard]] std::size_t wish(std::size_t in_use) const noexcept {
    const std::size_t share = in_use / 100 * keep_percent.load(std::memory_order_relaxed);
    return std::max(share, keep.load(std::memory_order_relaxed));
  }

  // Returns: how many there is room for.
  [[nodiscard]] std::size_t room(std::size_t in_use) const noexcept {
    const std::size_t soft = std::min(soft_limit.load(std::memory_order_relaxed), container_share());
    const std::size_t gently = std::max(room_below(soft, in_use), kept_when_short);
    return std::min(gently, room_below(hard(), in_use));
  }

  // Returns: whether so many bytes more may be in use.
  [[nodiscard]] bool allows(std::size_t more, std::size_t in_use) const noexcept {
    return more <= room_below(hard(), in_use);
  }

  // Returns: how many bytes one bin may hold. Where threads far outnumber the processors, most of them wait, and what they
  // hold is of no use to anybody.
  [[nodiscard]] std::size_t bin_bytes() const noexcept {
    const std::size_t bytes = cache.load(std::memory_order_relaxed);
    const std::size_t few = processors.load(std::memory_order_relaxed) * heaps_for_a_processor;
    const std::size_t many = heaps.load(std::memory_order_relaxed);
    const bool heeded = few != 0 && container.load(std::memory_order_relaxed) != 0;
    return !heeded || many <= few ? bytes : std::max(bytes * few / many, least_cache);
  }

  static constexpr std::size_t kept_when_short = MiB;  // so that not every free makes a system call
  static constexpr std::size_t least_cache = 4 * KiB;  // bytes
  static constexpr std::size_t most_cache =
      256 * KiB;  // bytes: the arrays of more would not fit beside the heap
  static constexpr std::size_t heaps_for_a_processor = 8;

 private:
  [[nodiscard]] static constexpr std::size_t room_below(std::size_t limit, std::size_t in_use) noexcept {
    return limit > in_use ? limit - in_use : 0;
  }

  // An eighth of what the container allows is left for all that does not come from here.
  [[nodiscard]] std::size_t container_share() const noexcept {
    const std::size_t bytes = container_bytes.load(std::memory_order_relaxed);
    const bool heeded = bytes != unlimited && container.load(std::memory_order_relaxed) != 0;
    return heeded ? bytes - bytes / 8 : unlimited;
  }
};

}  // namespace basalt::engine
