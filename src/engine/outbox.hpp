// Blocks on their way home: frees of memory that another heap owns.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "space.hpp"
#include "span.hpp"

namespace basalt::engine {

// Collects a few, so that neighbours can be sent in one atomic operation. Holds at most 64 blocks and 256 KiB.
//
// Law: a block is forgotten before it is sent. So whoever inherits the outbox of a thread that was in the midst of it, in a
// forked child, sends no block twice; some of one word may be lost.
template <AddressSpaceOs System>
class Outbox {
 public:
  [[nodiscard]] bool full() const noexcept { return held() == most_blocks || bytes_ >= most_bytes; }
  [[nodiscard]] bool empty() const noexcept { return held() == 0; }

  // Requires: !full(); `block` lies in a span of another heap.
  void add(std::byte* block, std::size_t bytes) noexcept {
    const unsigned end = held();
    blocks_[end] = block;
    held_.store(end + 1, std::memory_order_release);
    bytes_ += bytes;
  }

  // Effects: sets the remote bit of every block. Calls post(owner, span, bytes) for each word of a bitmap: so many bytes went
  // home, and if `span` is not null, it has to be announced to its owner.
  template <class Post>
  void send(Space<System>& space, Post&& post) noexcept {
    while (!empty()) send_word(space, post);
    bytes_ = 0;
  }

 private:
  static constexpr unsigned most_blocks = 64;
  static constexpr std::size_t most_bytes = 256 * KiB;

  [[nodiscard]] unsigned held() const noexcept { return held_.load(std::memory_order_relaxed); }

  // Effects: sends the last block, and those before it that lie in the same word of the same bitmap.
  template <class Post>
  void send_word(Space<System>& space, Post&& post) noexcept {
    unsigned left = held();
    Span& span = space.span_of(space.slice_of(blocks_[left - 1]));
    const unsigned word = checked_slot(span, blocks_[left - 1]) / 64;
    std::uint64_t bits = 0;
    for (; left != 0; --left) {
      std::byte* const block = blocks_[left - 1];
      if (&space.span_of(space.slice_of(block)) != &span) break;
      const unsigned slot = checked_slot(span, block);
      if (slot / 64 != word) break;
      const std::uint64_t bit = std::uint64_t{1} << slot % 64;
      if ((bits & bit) != 0) refuse_double(block);
      bits |= bit;
    }
    const std::size_t bytes = (held() - left) * std::size_t{span.slot_size};
    held_.store(left, std::memory_order_release);
    const GivenBack given = span.remote.give(word, bits);
    if (given.twice != 0) {
      refuse_double(span.slot(word * 64 + static_cast<unsigned>(std::countr_zero(given.twice))));
    }
    post(given.owner, given.announce ? &span : nullptr, bytes);
  }

  std::byte* blocks_[most_blocks] = {};
  std::atomic<unsigned> held_{
      0};  // its own thread's; atomic for the sake of a child that is forked in between
  std::size_t bytes_ = 0;
};

}  // namespace basalt::engine
