// The list of free blocks: singly linked, sorted by address, neighbours merged.
#pragma once

#include <algorithm>
#include <cstddef>

#include "free_block.hpp"
#include "observer.hpp"
#include "validity.hpp"

namespace basalt {

// A place in the list where a block hangs, or could: the list's head and the `next` of every block are the
// same kind of place, so that no operation needs a special case for the head.
class Link {
 public:
  explicit Link(FreeHeader*& place) noexcept : place_{&place} {}

  [[nodiscard]] FreeHeader* block() const noexcept { return *place_; }
  [[nodiscard]] Link next() const noexcept { return Link{block()->next}; }

  void insert(FreeBlock&& block) noexcept {
    FreeHeader* const header = std::move(block).release();
    header->next = *place_;
    *place_ = header;
  }

  [[nodiscard]] FreeBlock pop() noexcept {
    FreeHeader* const header = *place_;
    *place_ = header->next;
    return FreeBlock::adopt(header);
  }

  // Effects: if the block here touches the one that follows it, it swallows that one.  Returns: whether it
  // did.
  bool try_merge_next() noexcept {
    FreeHeader* const here = block();
    FreeHeader* const follower = here->next;
    if (follower == nullptr || relation(here->range(), follower->range()) != Relation::adjacent_before)
      return false;
    here->next = follower->next;
    here->size += follower->size;
    return true;
  }

 private:
  FreeHeader** place_;
};

// A choice of memory: the block that a request is cut from, and the part of it that is taken.
struct Choice {
  Link link;
  Range taken;  // empty: no block fits
};

// What became of memory that was to be added to the list.
struct Added {
  enum class Outcome { listed, overlaps };
  Outcome outcome;
  Range block;  // the free block that the memory is part of now; or the one that it overlaps
};

// Laws: see `Law`; `stats` walks the list and counts where each is broken. A block is on the list exactly
// when it is free, and then its header is true.
template <class Observer = Silent>
class BlockList {
 public:
  constexpr BlockList() noexcept = default;
  BlockList(const BlockList&) = delete;
  BlockList& operator=(const BlockList&) = delete;

  // Effects: puts a free range in its place and merges it with the neighbours that it touches; if it overlaps
  // a block that is free already, nothing is changed. Requires: whole granules, at least `least_block` bytes.
  [[nodiscard]] Added add(Range memory) noexcept {
    const bool near = recent_ != nullptr && address_of(recent_) < address_of(memory.begin);
    Link before{near ? recent_ : head_};         // holds the last block below `memory`; or it is the head
    Link after = near ? before.next() : before;  // the place where `memory` belongs
    while (after.block() != nullptr && address_of(after.block()) < address_of(memory.begin)) {
      before = after;
      after = after.next();
    }
    for (const Link neighbour : {before, after}) {
      if (neighbour.block() != nullptr &&
          relation(neighbour.block()->range(), memory) == Relation::overlapping) {
        return {Added::Outcome::overlaps, neighbour.block()->range()};
      }
    }
    after.insert(FreeBlock::over(memory));
    bytes_ += memory.size;
    length_ += 1;
    observer_.inserted(memory);
    merge_next(after);
    const bool swallowed = merge_next(before);
    recent_ = (swallowed ? before : after).block();
    longest_ = std::max(longest_, length_);
    return {Added::Outcome::listed, recent_->range()};
  }

  // Effects: takes `taken` out of the block at the choice's link; what is left before and behind stays on the
  // list. Requires: the remainders are nothing or can hold a header.
  void take(Choice choice) noexcept {
    const Range whole = choice.link.block()->range();
    const Range front = range_between(whole.begin, choice.taken.begin);
    const Range back = range_between(choice.taken.end(), whole.end());
    FreeBlock block = choice.link.pop();
    if (front.empty() && address_of(recent_) == address_of(whole.begin)) recent_ = nullptr;
    length_ -= 1;
    bytes_ -= choice.taken.size;
    if (front.empty() && back.empty()) {
      observer_.unlinked(whole);
    } else {
      observer_.split(whole, choice.taken);
    }
    std::move(block).release();
    if (!back.empty()) put_back(choice.link, back);
    if (!front.empty()) put_back(choice.link, front);
  }

  // Effects: takes exactly `wanted`, if all of it is free and the remainders allow it.  Returns: whether it
  // was taken.
  [[nodiscard]] bool claim(Range wanted) noexcept {
    for (Link link{head_}; link.block() != nullptr; link = link.next()) {
      const Range free = link.block()->range();
      if (address_of(free.begin) > address_of(wanted.begin)) return false;
      if (!free.contains(wanted)) continue;
      const auto front = static_cast<std::size_t>(wanted.begin - free.begin);
      const auto back = static_cast<std::size_t>(free.end() - wanted.end());
      if (!can_remain(front) || !can_remain(back)) return false;
      take({link, wanted});
      return true;
    }
    return false;
  }

  // Returns: the free block that contains `place`, or an empty range.
  [[nodiscard]] Range containing(const std::byte* place) const noexcept {
    for (FreeHeader* block = head_; block != nullptr; block = block->next) {
      const Range free = block->range();
      if (address_of(free.begin) <= address_of(place) && address_of(place) < address_of(free.end()))
        return free;
    }
    return {};
  }

  [[nodiscard]] Link head() noexcept { return Link{head_}; }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] Observer& observer() noexcept { return observer_; }

  // Effects: calls `visit` with the range of every block, in order of address.
  template <class Visitor>
  void each(Visitor&& visit) const {
    for (FreeHeader* block = head_; block != nullptr; block = block->next) visit(block->range());
  }

  [[nodiscard]] Stats stats() const noexcept {
    Stats stats;
    Range previous{};
    each([&](Range block) {
      count(block, stats);
      if (stats.length != 1) compare(previous, block, stats.validity);
      previous = block;
    });
    stats.validity.wrong_totals = (stats.length != length_ ? 1u : 0u) + (stats.size != bytes_ ? 1u : 0u);
    return stats;
  }

 private:
  static void count(Range block, Stats& stats) noexcept {
    stats.length += 1;
    stats.size += block.size;
    if (block.size > stats.largest) stats.largest = block.size;
    if (block.size < least_block) stats.validity.undersized += 1;
    if (!is_aligned(block.begin, granule) || block.size % granule != 0) stats.validity.misaligned += 1;
  }

  static void compare(Range previous, Range block, Validity& validity) noexcept {
    switch (relation(previous, block)) {
      case Relation::before:
        break;
      case Relation::adjacent_before:
        validity.adjacents += 1;
        break;
      case Relation::overlapping:
        validity.overlaps += 1;
        break;
      case Relation::adjacent_after:
      case Relation::after:
        validity.out_of_order += 1;
        break;
    }
  }

  void put_back(Link link, Range rest) noexcept {
    link.insert(FreeBlock::over(rest));
    length_ += 1;
    longest_ = std::max(longest_, length_);
  }

  bool merge_next(Link link) noexcept {
    const Range grown = link.block()->range();
    if (!link.try_merge_next()) return false;
    length_ -= 1;
    observer_.merged(grown, link.block()->range().after(grown.size));
    return true;
  }

  FreeHeader* head_ = nullptr;
  // The block that the last `add` ended in, if it is on the list still. What lies above is sought from there and not
  // from the head: frees come in clusters, and every block that is passed by is one wait for memory.
  FreeHeader* recent_ = nullptr;
  std::size_t length_ = 0;   // blocks on the list
  std::size_t longest_ = 0;  // the most that `length_` has been
  std::size_t bytes_ = 0;    // bytes in them
  [[no_unique_address]] Observer observer_{};
};

}  // namespace basalt
