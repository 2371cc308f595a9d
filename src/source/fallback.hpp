// A second well for when the first is dry.
#pragma once

#include <algorithm>
#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// Asks `First`; when it refuses, `Second`.
//
// Every other duty goes to the one whose range it is, so both must know their own; a duty is here when one of them has
// it, and refused with EINVAL for the ranges of the other. Memory of both may lie side by side and become one free
// block: a range that belongs partly to each is refused too, since no one of them could do the whole.
template <HeapGrower First, HeapGrower Second>
class Fallback {
  static constexpr bool tell_apart = KnowsItsOwn<First> && KnowsItsOwn<Second>;

 public:
  constexpr Fallback() noexcept = default;

  // The larger page: whole pages of this size are whole pages for both. Growths are multiples of their own.
  [[nodiscard]] std::size_t page_size() const noexcept {
    return std::max(first_.page_size(), second_.page_size());
  }

  // Errors: those of `Second`.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    const Result<Range> growth = first_.grow(bytes);
    return growth.ok() ? growth : second_.grow(bytes);
  }

  [[nodiscard]] Result<Range> extend(std::byte* end, std::size_t bytes) noexcept requires tell_apart &&
      (ExtendsInPlace<First> || ExtendsInPlace<Second>) {
    const Range last{end - 1, 1};
    if constexpr (ExtendsInPlace<First>) {
      if (first_.owns(last)) return first_.extend(end, bytes);
    }
    if constexpr (ExtendsInPlace<Second>) {
      if (second_.owns(last)) return second_.extend(end, bytes);
    }
    return Result<Range>::failure(invalid_argument);
  }

  [[nodiscard]] Error give_back(Range range) noexcept requires tell_apart &&
      (GivesBack<First> || GivesBack<Second>) {
    if constexpr (GivesBack<First>) {
      if (first_.owns(range)) return first_.give_back(range);
    }
    if constexpr (GivesBack<Second>) {
      if (second_.owns(range)) return second_.give_back(range);
    }
    return invalid_argument;
  }

  [[nodiscard]] Error decommit(Range range) noexcept requires tell_apart &&
      (Decommits<First> || Decommits<Second>) {
    if constexpr (Decommits<First>) {
      if (first_.owns(range)) return first_.decommit(range);
    }
    if constexpr (Decommits<Second>) {
      if (second_.owns(range)) return second_.decommit(range);
    }
    return invalid_argument;
  }

  // Within one grower only: what `First` has no room for is not moved to `Second`.
  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires tell_apart &&
      (Remaps<First> || Remaps<Second>) {
    if constexpr (Remaps<First>) {
      if (first_.owns(range)) return first_.remap(range, bytes);
    }
    if constexpr (Remaps<Second>) {
      if (second_.owns(range)) return second_.remap(range, bytes);
    }
    return Result<Range>::failure(invalid_argument);
  }

  [[nodiscard]] bool owns(Range range) const noexcept requires tell_apart {
    while (!range.empty()) {
      const std::size_t known = std::max(owned_prefix(first_, range), owned_prefix(second_, range));
      if (known == 0) return false;
      range = range.after(known);
    }
    return true;
  }

  [[nodiscard]] First& first() noexcept { return first_; }
  [[nodiscard]] Second& second() noexcept { return second_; }

 private:
  // Returns: how many bytes from the beginning of `range` are `grower`'s. Whoever owns a range owns each part of it, so
  // halving finds the end.
  template <class Grower>
  [[nodiscard]] static std::size_t owned_prefix(const Grower& grower, Range range) noexcept {
    if (grower.owns(range)) return range.size;
    std::size_t owned = 0;
    std::size_t beyond = range.size;
    while (beyond - owned > 1) {
      const std::size_t middle = owned + (beyond - owned) / 2;
      (grower.owns(range.first(middle)) ? owned : beyond) = middle;
    }
    return owned;
  }

  First first_{};
  Second second_{};
};

}  // namespace basalt
