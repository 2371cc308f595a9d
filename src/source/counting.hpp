// Counts what is asked of a grower.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// How often one duty was asked for, and with what outcome.
struct Tally {
  std::size_t calls = 0;
  std::size_t failures = 0;  // of these calls
  std::size_t bytes = 0;  // in the ranges of those that succeeded: obtained, given back, or the remapped size
};

// Passes everything on and keeps a tally of each duty. It has the duties of the grower inside, no more.
template <HeapGrower Grower>
class Counting : public Grower {
 public:
  using Grower::Grower;

  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    return count(Duty::grow, Grower::grow(bytes));
  }

  [[nodiscard]] Result<Range> extend(std::byte* end,
                                     std::size_t bytes) noexcept requires ExtendsInPlace<Grower> {
    return count(Duty::extend, Grower::extend(end, bytes));
  }

  [[nodiscard]] Error give_back(Range range) noexcept requires GivesBack<Grower> {
    return count(Duty::give_back, Grower::give_back(range), range);
  }

  [[nodiscard]] Error decommit(Range range) noexcept requires Decommits<Grower> {
    return count(Duty::decommit, Grower::decommit(range), range);
  }

  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires Remaps<Grower> {
    return count(Duty::remap, Grower::remap(range, bytes));
  }

  [[nodiscard]] const Tally& tally(Duty duty) const noexcept {
    return tallies_[static_cast<std::size_t>(duty)];
  }

 private:
  Error count(Duty duty, Error error, Range range) noexcept {
    Tally& tally = tallies_[static_cast<std::size_t>(duty)];
    tally.calls += 1;
    tally.failures += error ? 1u : 0u;
    tally.bytes += error ? 0u : range.size;
    return error;
  }

  Result<Range> count(Duty duty, Result<Range> result) noexcept {
    count(duty, result.error, result.value);
    return result;
  }

  Tally tallies_[duties];
};

}  // namespace basalt
