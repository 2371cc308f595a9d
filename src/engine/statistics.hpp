// What the engine's memory is used for. Taken by walking, when somebody asks; nothing is counted on the short paths.
//
//                      | live slots | free in spans | in bins | on the way home | tails |      what spans have
//    mapped = spans  + large + huge + guarded + dirty + clean + metadata
#pragma once

#include <cstddef>

#include "../base/heap_stats.hpp"
#include "holes.hpp"
#include "size_class.hpp"
#include "span.hpp"

namespace basalt::engine {

// Of one size class, of one heap, or of all: all but `spans` in bytes.
//
// Law: live + free + cached + remote + tails == bytes.
struct SpanFigures {
  std::size_t spans = 0;   // how many
  std::size_t bytes = 0;   // of their slices
  std::size_t live = 0;    // slots in the hands of callers, or in the outbox of a thread that freed them
  std::size_t free = 0;    // slots that are free in the spans
  std::size_t cached = 0;  // slots in bins
  std::size_t remote = 0;  // slots that other threads have given back and their owner has not collected
  std::size_t tails = 0;   // too short for a slot, at the ends of spans
  std::size_t holes = 0;   // of free and tails: in pages that were given back to the system

  // Effects: adds a span, all of whose slots are live that are not free here.  Requires: the lock of its owner.
  void add(const Span& span, std::size_t given_back) noexcept {
    const std::size_t all = span.slices * slice_bytes;
    const std::size_t cut = std::size_t{span.slots} * span.slot_size;
    spans += 1;
    bytes += all;
    tails += all - cut;
    free += std::size_t{span.free_count} * span.slot_size;
    remote += given_back * span.slot_size;
    holes += bytes_in(span.holes);
    live += (std::size_t{span.slots} - span.free_count - given_back) * span.slot_size;
  }

  // Effects: so much of what seemed live lies in bins.
  void add_cached(std::size_t more) noexcept {
    cached += more;
    live -= more;
  }

  [[nodiscard]] std::size_t unused() const noexcept { return free + cached + remote; }

  [[nodiscard]] bool closes() const noexcept {
    return live <= bytes && live + free + cached + remote + tails == bytes;
  }
};

// Law: what spans have, large, huge, guarded, dirty, clean and metadata sum to mapped; so do the classes, and the heaps with
// `objects`, to `spans`.
struct Statistics {
  SpanFigures of_class[class_count];
  SpanFigures spans;         // of all classes
  SpanFigures objects;       // of all heap objects
  std::size_t large = 0;     // bytes in slices that one block has to itself
  std::size_t huge = 0;      // bytes in chunks that one block has to itself
  std::size_t guarded = 0;   // bytes of pages that guarded blocks have
  std::size_t dirty = 0;     // bytes in free slices that were used and still have their memory
  std::size_t clean = 0;     // bytes in free slices that have no memory: fresh, or given back to the system
  std::size_t metadata = 0;  // bytes that describe all this
  std::size_t mapped = 0;    // bytes that the system was asked for and may be used
  std::size_t heaps = 0;     // how many there are, those that wait for a thread included

  // How much may stay resident, besides what callers hold, if nothing happens from now on: the most of it is Space::idle_bound.
  std::size_t idle_bound = 0;

  // An estimate, not part of any sum: how much of `spans.live` callers did not ask for. From the requests that found a bin
  // empty: one of many, chosen by where the bins happen to end.
  std::size_t rounding_sampled = 0;

  [[nodiscard]] std::size_t live() const noexcept { return spans.live + large + huge + guarded; }

  // Returns: how many slots are free, wherever they are.
  [[nodiscard]] std::size_t unused_slots() const noexcept {
    std::size_t slots = 0;
    for (unsigned c = 0; c < class_count; ++c) slots += of_class[c].unused() / slot_bytes(c);
    return slots;
  }

  [[nodiscard]] HeapStats in_short() const noexcept {
    HeapStats stats;
    stats.free_blocks = unused_slots();
    stats.grown_bytes = mapped - metadata;
    stats.live_bytes = live();
    stats.free_bytes = stats.grown_bytes - stats.live_bytes;
    return stats;
  }

  // Effects: so many bytes more are mapped to describe something.
  void add_metadata(std::size_t bytes) noexcept {
    metadata += bytes;
    mapped += bytes;
    idle_bound += bytes;
  }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() const noexcept {
    SpanFigures sum;
    for (const SpanFigures& figures : of_class) {
      if (!figures.closes()) return "the slots of a class are live, free, cached, remote or tails";
      sum.bytes += figures.bytes;
      sum.live += figures.live;
    }
    if (!spans.closes()) return "the slots of all spans are live, free, cached, remote or tails";
    if (sum.bytes != spans.bytes || sum.live != spans.live) return "the classes sum to all spans";
    const std::size_t all = spans.bytes + large + huge + guarded + dirty + clean + metadata;
    return all == mapped ? nullptr
                         : "every mapped byte is in spans, large, huge, guarded, dirty, clean or metadata";
  }
};

// How much larger slots are than what was asked for, by class: a moving mean over samples.
//
// Threads write at once and may lose each other's sample; the mean is an estimate either way.
class RoundingSample {
 public:
  // Effects: a request of `size` bytes was served by class `c`.
  void note(SizeClass c, std::size_t size) noexcept {
    const auto waste = static_cast<std::uint32_t>(slot_bytes(c) - size) * scale;
    const std::uint32_t mean = mean_[c].load(std::memory_order_relaxed);
    const std::uint32_t next = mean == 0 ? waste + 1 : mean - mean / weight + waste / weight;
    mean_[c].store(next, std::memory_order_relaxed);
  }

  // Returns: what `slots` slots of class `c` waste, presumably, in bytes.
  [[nodiscard]] std::size_t estimate(unsigned c, std::size_t slots) const noexcept {
    return slots * mean_[c].load(std::memory_order_relaxed) / scale;
  }

 private:
  static constexpr std::uint32_t scale = 256;
  static constexpr std::uint32_t weight = 8;  // a sample moves the mean by an eighth of the distance

  std::atomic<std::uint32_t> mean_[class_count] = {};  // bytes * scale; 0: no sample yet
};

}  // namespace basalt::engine
