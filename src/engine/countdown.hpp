// Which requests of a heap are due: for a guarded slot (guard/guarded_slots.hpp), or for the profile (observe/heap_profile.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/exponential.hpp"
#include "../guard/sampling.hpp"
#include "size_class.hpp"

namespace basalt::engine {

// For what a request is due.
struct Due {
  bool guard = false;
  bool profile = false;
};

// Two counts, of requests and of bytes. Every request counts in both, whatever its size: while there is anything to count,
// `small_limit` is 0 in the front of the heap, so that none is served by the shortest path. Else this is not looked at there.
class Countdown {
 public:
  // Returns: whether a request of `size` bytes may be served from its bin: it is not due. False always if nothing is counted.
  [[nodiscard, gnu::always_inline]] bool passes(std::size_t size) const noexcept {
    return size < end_ && left_ > 1 && bytes_ > size;
  }

  // Effects: counts a request.  Requires: passes(size).
  [[gnu::always_inline]] void count(std::size_t size) noexcept {
    left_ -= 1;
    bytes_ -= size;
  }

  // Effects: counts a request.  Returns: for what it is due; the next one is as well, until somebody draws.
  [[nodiscard]] Due take(std::size_t size) noexcept {
    const Due due{left_ <= 1, period_ != 0 && bytes_ <= size};
    if (!due.guard) left_ -= 1;
    if (period_ != 0 && !due.profile)
      bytes_ -= size;  // a few requests that nobody can serve are more than `never`
    return due;
  }

  [[nodiscard]] bool counts() const noexcept { return end_ != 0; }

  // Effects: one request in `rate` is due for a guarded slot, on average; 0: none.
  void draw_guard(std::uint32_t rate, std::uint64_t random) noexcept {
    rate_ = rate;
    left_ = rate == 0 ? never : guard::next_countdown(rate, random);
    set_end();
  }

  // Effects: one byte in `period` has its request sampled, on average; 0: none.
  void draw_profile(std::size_t period, std::uint64_t random) noexcept {
    period_ = period;
    bytes_ = period == 0 ? never : bytes_to_next_sample(period, random);
    set_end();
  }

  [[nodiscard]] std::uint32_t rate() const noexcept { return rate_; }
  [[nodiscard]] std::size_t period() const noexcept { return period_; }

 private:
  // More than a program counts down in a hundred years.
  static constexpr std::uint64_t never = UINT64_MAX;

  void set_end() noexcept {
    end_ = rate_ == 0 && period_ == 0 ? 0 : static_cast<std::uint32_t>(largest_small) + 1;
  }

  // The two that are counted down lie apart: side by side, the compiler takes them for a vector, which is slower.
  std::uint32_t end_ = 0;  // bytes: requests from this size on have no bin; 0 while nothing is counted
  std::uint32_t rate_ = 0;
  std::uint64_t left_ = never;  // requests, up to the one that is due
  std::size_t period_ = 0;
  std::uint64_t bytes_ = never;  // bytes, up to the one whose request is due
};

}  // namespace basalt::engine
