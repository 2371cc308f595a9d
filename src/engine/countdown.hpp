// Which requests of a heap are guarded: see guard/guarded_slots.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../guard/sampling.hpp"
#include "size_class.hpp"

namespace basalt::engine {

// Every request counts, whatever its size: while there is a rate, `small_limit` is 0 in the front of the heap, so that none is
// served by the shortest path. Without one this is not looked at there.
class Countdown {
 public:
  // Returns: whether a request of `size` bytes may be served from its bin. False for the one that is due, and always if nothing
  // is counted; and then nothing has changed.
  [[nodiscard, gnu::always_inline]] bool passes(std::size_t size) noexcept {
    if (size >= end_ || left_ <= 1) return false;
    --left_;
    return true;
  }

  // Returns: whether this request is to be guarded; the next one is as well, until somebody draws.
  [[nodiscard]] bool due() const noexcept { return rate_ != 0 && left_ <= 1; }

  // Effects: counts a request that `passes` was not asked about, or did not let pass.
  void count() noexcept {
    if (left_ > 1) --left_;
  }

  // Effects: `rate` requests are left on average; 0: nothing is counted any more.
  void draw(std::uint32_t rate, std::uint64_t random) noexcept {
    rate_ = rate;
    end_ = rate == 0 ? 0 : static_cast<std::uint32_t>(largest_small) + 1;
    left_ = rate == 0 ? 0 : guard::next_countdown(rate, random);
  }

  [[nodiscard]] std::uint32_t rate() const noexcept { return rate_; }

 private:
  std::uint32_t end_ = 0;   // bytes: requests from this size on have no bin; 0 while nothing is counted
  std::uint32_t left_ = 0;  // requests, up to the one that is due
  std::uint32_t rate_ = 0;
};

}  // namespace basalt::engine
