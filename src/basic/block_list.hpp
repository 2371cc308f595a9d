// The list of free blocks: singly linked, sorted by address, neighbours merged.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../base/text.hpp"
#include "../platform/fatal.hpp"
#include "free_block.hpp"
#include "observer.hpp"
#include "validity.hpp"

namespace basalt {

// The farthest that anything can lie from anything else, in bytes.
inline constexpr std::uintptr_t farthest = UINTPTR_MAX >> (sizeof(void*) == 8 ? 8 : 1);

[[nodiscard]] inline bool is_size_of_free_block(std::size_t size) noexcept {
  return size - least_block <= farthest && size % granule == 0;
}

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_corrupted(FreeHeader* header) noexcept {
  if (!is_size_of_free_block(header->size)) {
    fatal(Text{} << "basalt: corrupted free list: the free block " << static_cast<const void*>(header)
                 << " cannot have " << header->size << " bytes; something wrote to memory that it had freed");
  }
  fatal(Text{} << "basalt: corrupted free list: the free block " << static_cast<const void*>(header) << " of "
               << header->size << " bytes cannot be followed by " << static_cast<const void*>(header->next)
               << "; something wrote to memory that it had freed");
}

// Returns: the block that follows on the list, or nullptr.
// Errors: a size that no free block can have ends the program, and so does a follower that lies below the block's end
// (which is very far above it, counted round), or where no program has memory, or off the granule: somebody has written
// over a header. A walk would otherwise go astray, or round for ever. It costs a dozen instructions in each step and no
// time that could be measured: a walk waits for memory.
[[nodiscard]] inline FreeHeader* follower_of(FreeHeader* header) noexcept {
  FreeHeader* const follower = header->next;
  if (!is_size_of_free_block(header->size)) [[unlikely]]
    refuse_corrupted(header);
  if (follower == nullptr) return nullptr;
  const std::uintptr_t end = address_of(header) + header->size;
  if (address_of(follower) - end > farthest || !is_aligned(follower, granule)) [[unlikely]]
    refuse_corrupted(header);
  return follower;
}

// A place in the list where a block hangs, or could: the list's head and the `next` of every block are the
// same kind of place, so that no operation needs a special case for the head.
//
//      head ----> +------+------+     +------+------+
//      ^          | next | size |  -> | next | size |  -> nothing
//      a place    +------+------+ /   +------+------+ /
//                   ^-------------      ^-------------
//                   a place             a place, where no block hangs
class Link {
 public:
  constexpr Link() noexcept = default;  // no place at all
  explicit Link(FreeHeader*& place) noexcept : place_{&place} {}

  [[nodiscard]] bool exists() const noexcept { return place_ != nullptr; }
  [[nodiscard]] FreeHeader* block() const noexcept { return *place_; }

  // The place in the block that hangs here.  Requires: there is one; for `next`, that its header is true.
  [[nodiscard]] Link inside() const noexcept { return Link{block()->next}; }
  [[nodiscard]] Link next() const noexcept {
    (void)follower_of(block());
    return inside();
  }

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

  friend bool operator==(const Link&, const Link&) = default;

 private:
  FreeHeader** place_ = nullptr;
};

// A choice of memory: the block that a request is cut from, and the part of it that is taken.
struct Choice {
  Link link;
  Range taken;  // empty: no block fits
};

// What became of memory that was to be added to the list.
struct Added {
  enum class Outcome { listed, overlaps, too_small };
  Outcome outcome;
  Range block;  // the free block that the memory is part of now, or that it overlaps; or the memory itself
};

// A list that is only added to and taken from by range chooses nothing.
struct NoFit {};

// Laws: see `Law`; `stats` walks the list and counts where each is broken. A block is on the list exactly
// when it is free, and then its header is true.
//
// `Fit` chooses the block for a request. One that remembers a place has `place_moved(from, to)`, and hears of each step
// after which what hung at one place hangs at another. So no place that it remembers dies without a word.
template <class Observer = Silent, class Fit = NoFit>
class BlockList {
 public:
  constexpr BlockList() noexcept = default;
  BlockList(const BlockList&) = delete;
  BlockList& operator=(const BlockList&) = delete;

  // Effects: puts a free range in its place and merges it with the neighbours that it touches. Less than
  // `least_block` can hold no header and goes to a neighbour that it touches. If the range overlaps a block that is
  // free already, or is too small and nobody takes it, nothing is changed. Requires: whole granules, at least one.
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
    if (memory.size < least_block) return absorb(before, after, memory);
    hang(after, memory);
    bytes_ += memory.size;
    observer_.inserted(memory);
    merge_next(after);
    const bool swallowed = merge_next(before);
    recent_ = (swallowed ? before : after).block();
    longest_ = std::max(longest_, length_);
    return {Added::Outcome::listed, recent_->range()};
  }

  // Returns: where `layout` can be had, as `Fit` has it.  Requires: as `cut_high`.
  template <class Wanted>
  [[nodiscard]] Choice choose(const Wanted& layout) noexcept {
    return fit_.choose(*this, layout);
  }

  // Effects: takes `taken` out of the block at the choice's link; what is left before and behind stays on the
  // list. Requires: the remainders are nothing or can hold a header.
  void take(Choice choice) noexcept {
    (void)follower_of(choice.link.block());  // a header written over may promise more than there is
    const Range whole = choice.link.block()->range();
    const Range front = range_between(whole.begin, choice.taken.begin);
    const Range back = range_between(choice.taken.end(), whole.end());
    bytes_ -= choice.taken.size;
    if (front.empty() && address_of(recent_) == address_of(whole.begin)) recent_ = nullptr;
    if (front.empty() && back.empty()) {
      unlink(choice.link);
      observer_.unlinked(whole);
      return;
    }
    if (front.empty()) {
      relocate(choice.link, back);
    } else {
      choice.link.block()->size = front.size;
      if (!back.empty()) hang(choice.link.inside(), back);
      longest_ = std::max(longest_, length_);
    }
    observer_.split(whole, choice.taken);
  }

  // Effects: takes exactly `wanted`, if all of it is free and the remainders allow it; nothing is always granted.
  [[nodiscard]] Claim claim(Range wanted) noexcept {
    return wanted.empty() || take_exactly(wanted) ? Claim::of(wanted) : Claim::refused();
  }
  // Returns: the first free block that has a byte of `memory`, or an empty range.
  [[nodiscard]] Range overlapping(Range memory) const noexcept {
    for (FreeHeader* block = head_; block != nullptr; block = follower_of(block)) {
      if (relation(block->range(), memory) == Relation::overlapping) return block->range();
    }
    return {};
  }

  // Returns: the free block that contains `place`, or an empty range.
  [[nodiscard]] Range containing(const std::byte* place) const noexcept {
    return overlapping({const_cast<std::byte*>(place), 1});
  }

  [[nodiscard]] Link head() noexcept { return Link{head_}; }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] Observer& observer() noexcept { return observer_; }

  // Effects: calls `visit` with the range of every block, in order of address.
  template <class Visitor>
  void each(Visitor&& visit) const {
    for (FreeHeader* block = head_; block != nullptr; block = follower_of(block)) visit(block->range());
  }

  // Effects: walks the list, corrupted or not, as far as it can be walked. `owned` says whether a range is memory
  // that may be looked at; a header elsewhere is not read.
  template <class Owned>
  [[nodiscard]] Stats stats(Owned&& owned) const noexcept {
    Stats stats;
    Range previous{};
    // One step beyond what should be the end tells a list that is too long from one that goes round.
    for (FreeHeader* block = head_; block != nullptr && stats.length <= length_; block = block->next) {
      const Range header{reinterpret_cast<std::byte*>(block), sizeof(FreeHeader)};
      if (!is_aligned(block, granule)) stats.validity.misaligned += 1;
      if (!owned(header)) stats.validity.foreign += 1;
      if (stats.validity.misaligned + stats.validity.foreign != 0) break;
      const Range range = block->range();
      if (!owned(range)) stats.validity.foreign += 1;
      count(range, stats);
      if (stats.length != 1) compare(previous, range, stats.validity);
      previous = range;
    }
    stats.validity.wrong_totals = (stats.length != length_ ? 1u : 0u) + (stats.size != bytes_ ? 1u : 0u);
    return stats;
  }

  [[nodiscard]] Stats stats() const noexcept {
    return stats([](Range) { return true; });
  }

 private:
  [[nodiscard]] bool take_exactly(Range wanted) noexcept {
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

  static void count(Range block, Stats& stats) noexcept {
    stats.length += 1;
    stats.size += block.size;
    if (block.size > stats.largest) stats.largest = block.size;
    if (block.size < least_block) stats.validity.undersized += 1;
    if (block.size % granule != 0) stats.validity.misaligned += 1;
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

  // Effects: the block before takes `memory` in at its end, or else the one after at its beginning, where its header
  // then is.
  [[nodiscard]] Added absorb(Link before, Link after, Range memory) noexcept {
    const Range low = before.block() == nullptr ? Range{} : before.block()->range();
    const Range high = after.block() == nullptr ? Range{} : after.block()->range();
    const bool below = touches(low, memory);
    if (!below && !touches(memory, high)) return {Added::Outcome::too_small, memory};
    observer_.inserted(memory);
    bytes_ += memory.size;
    if (below) {
      before.block()->size += memory.size;
      observer_.merged(low, memory);
      merge_next(before);
    } else {
      relocate(after, {memory.begin, memory.size + high.size});
      observer_.merged(memory, high);
    }
    recent_ = (below ? before : after).block();
    return {Added::Outcome::listed, recent_->range()};
  }

  [[nodiscard]] static bool touches(Range first, Range second) noexcept {
    return relation(first, second) == Relation::adjacent_before;
  }

  void hang(Link link, Range memory) noexcept {
    link.insert(FreeBlock::over(memory));
    length_ += 1;
    moved(link, link.inside());
  }

  void unlink(Link link) noexcept {
    moved(link.inside(), link);
    FreeBlock block = link.pop();
    std::move(block).release();
    length_ -= 1;
  }

  // Effects: the block at `link` begins elsewhere now, with as many bytes as `now` says, between the same neighbours.
  void relocate(Link link, Range now) noexcept {
    const Link old = link.inside();
    FreeBlock block = link.pop();
    std::move(block).release();
    link.insert(FreeBlock::over(now));
    moved(old, link.inside());
  }

  bool merge_next(Link link) noexcept {
    const Range grown = link.block()->range();
    if (link.inside().block() == nullptr) return false;
    const Link gone = link.inside().inside();
    if (!link.try_merge_next()) return false;
    moved(gone, link.inside());
    length_ -= 1;
    observer_.merged(grown, link.block()->range().after(grown.size));
    return true;
  }

  void moved(Link from, Link to) noexcept {
    if constexpr (requires { fit_.place_moved(from, to); }) fit_.place_moved(from, to);
  }

  FreeHeader* head_ = nullptr;
  // The block that the last `add` ended in, if it is on the list still. What lies above is sought from there and not
  // from the head: frees come in clusters, and every block that is passed by is one wait for memory.
  FreeHeader* recent_ = nullptr;
  std::size_t length_ = 0;   // blocks on the list
  std::size_t longest_ = 0;  // the most that `length_` has been
  std::size_t bytes_ = 0;    // bytes in them
  [[no_unique_address]] Observer observer_{};
  [[no_unique_address]] Fit fit_{};
};

// Effects: appends `BlockList(FreeBlock(0x1000, 64), FreeBlock(0x2000, 32))`, without allocating.
template <class Observer, class Fit>
Text& operator<<(Text& text, const BlockList<Observer, Fit>& list) noexcept {
  const char* between = "";
  text << "BlockList(";
  list.each([&](Range block) {
    text << between << "FreeBlock(" << block.begin << ", " << block.size << ")";
    between = ", ";
  });
  return text << ")";
}

}  // namespace basalt
