// Observers for tests: one counts the steps, one tells the free list from them alone.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <stdexcept>

#include "base/range.hpp"

namespace basalt::test {

struct CountingObserver {
  std::size_t searches = 0, insertions = 0, unlinks = 0, splits = 0, merges = 0;
  std::size_t growths = 0, returns = 0, decommits = 0, remaps = 0;

  void searched(Range) noexcept { ++searches; }
  void inserted(Range) noexcept { ++insertions; }
  void unlinked(Range) noexcept { ++unlinks; }
  void split(Range, Range) noexcept { ++splits; }
  void merged(Range, Range) noexcept { ++merges; }
  void grew(Range) noexcept { ++growths; }
  void gave_back(Range) noexcept { ++returns; }
  void decommitted(Range) noexcept { ++decommits; }
  void remapped(Range, Range) noexcept { ++remaps; }
};

// The free list as somebody sees it who only hears the events: each must make sense where it comes.
struct ShadowList {
  std::map<std::byte*, std::size_t> blocks;

  void searched(Range block) { require(has(block)); }
  void inserted(Range block) { require(blocks.emplace(block.begin, block.size).second); }
  void unlinked(Range block) { remove(block); }
  void split(Range block, Range taken) {
    require(block.contains(taken) && taken != block);
    remove(block);
    if (taken.begin != block.begin) inserted(range_between(block.begin, taken.begin));
    if (taken.end() != block.end()) inserted(range_between(taken.end(), block.end()));
  }
  void merged(Range block, Range follower) {
    require(block.end() == follower.begin);
    remove(block);
    remove(follower);
    inserted({block.begin, block.size + follower.size});
  }
  void grew(Range fresh) { require(!fresh.empty()); }
  void gave_back(Range run) { require(!run.empty()); }
  void decommitted(Range run) { require(!run.empty()); }
  void remapped(Range from, Range to) { require(!from.empty() && !to.empty()); }

 private:
  [[nodiscard]] bool has(Range block) const {
    const auto found = blocks.find(block.begin);
    return found != blocks.end() && found->second == block.size;
  }
  void remove(Range block) {
    require(has(block));
    blocks.erase(block.begin);
  }
  static void require(bool sensible) {
    if (!sensible) throw std::logic_error("an event that does not fit what was told before");
  }
};

}  // namespace basalt::test
