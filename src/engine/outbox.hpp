// Blocks on their way home: frees of memory that another heap owns.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "space.hpp"
#include "span.hpp"

namespace basalt::engine {

// Collects a few, so that neighbours can be sent in one atomic operation. Holds at most 64 blocks and 256 KiB.
//
// Post(span) tells the owner of `span` that it has free slots again.
template <AddressSpaceOs System>
class Outbox {
 public:
  [[nodiscard]] bool full() const noexcept { return count_ == most_blocks || bytes_ >= most_bytes; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  // Requires: !full(); `block` lies in a span of another heap.
  void add(std::byte* block, std::size_t bytes) noexcept {
    blocks_[count_++] = block;
    bytes_ += bytes;
  }

  // Effects: sets the remote bit of every block, and announces spans that were full.
  template <class Post>
  void send(Space<System>& space, Post&& post) noexcept {
    for (unsigned i = 0; i < count_;) i = send_word(space, i, post);
    count_ = 0;
    bytes_ = 0;
  }

 private:
  static constexpr unsigned most_blocks = 64;
  static constexpr std::size_t most_bytes = 256 * KiB;

  // Effects: sends block `i`, and those that follow it in the same word of the same bitmap.  Returns: the next one to send.
  template <class Post>
  [[nodiscard]] unsigned send_word(Space<System>& space, unsigned i, Post&& post) noexcept {
    Span& span = space.span_of(space.slice_of(blocks_[i]));
    const unsigned word = checked_slot(span, blocks_[i]) / 64;
    std::uint64_t bits = 0;
    for (; i < count_; ++i) {
      if (&space.span_of(space.slice_of(blocks_[i])) != &span) break;
      const unsigned slot = checked_slot(span, blocks_[i]);
      if (slot / 64 != word) break;
      const std::uint64_t bit = std::uint64_t{1} << slot % 64;
      if ((bits & bit) != 0) refuse_double(blocks_[i]);
      bits |= bit;
    }
    const GivenBack given = span.remote.give(word, bits);
    if (given.twice != 0) {
      refuse_double(span.slot(word * 64 + static_cast<unsigned>(std::countr_zero(given.twice))));
    }
    if (given.announce) post(given.owner, span);
    return i;
  }

  std::byte* blocks_[most_blocks] = {};
  unsigned count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace basalt::engine
