// Blocks on their way home: frees of memory that another heap owns.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "checks.hpp"
#include "span.hpp"

namespace basalt::engine {

// Collects a few, so that neighbours can be sent in one atomic operation. Holds at most 64 blocks and 256 KiB.
//
// Law: a block is forgotten before it is sent. So whoever inherits the outbox of a thread that was in the midst of it, in a
// forked child, sends no block twice; some of one word may be lost.
template <class Checks = engine::Checks>
class Outbox {
 public:
  [[nodiscard]] bool full() const noexcept { return held() == most_blocks || bytes_ >= most_bytes; }
  [[nodiscard]] bool empty() const noexcept { return held() == 0; }

  // Requires: !full(); `block` lies in `span`, which is another heap's, and takes up `bytes`.
  void add(std::byte* block, Span& span, std::size_t bytes) noexcept {
    __builtin_prefetch(
        &span);  // it is needed when the outbox is sent, and likely to be in another processor's cache
    const unsigned end = held();
    parcels_[end] = {block, &span};
    held_.store(end + 1, std::memory_order_release);
    bytes_ += bytes;
  }

  // Effects: sets the remote bit of every block. Calls announce(owner, span) for each span that has to be announced to its
  // owner, and note(owner, bytes) for so many bytes that went home.
  template <class Announce, class Note>
  void send(Announce&& announce, Note&& note) noexcept {
    Sent sent;
    while (!empty()) {
      const Sent more = send_word(announce);
      if (more.owner != sent.owner) {
        if (sent.bytes != 0) note(sent.owner, sent.bytes);
        sent = {more.owner, 0};
      }
      sent.bytes += more.bytes;
    }
    if (sent.bytes != 0) note(sent.owner, sent.bytes);
    bytes_ = 0;
  }

 private:
  static constexpr unsigned most_blocks = 64;
  static constexpr std::size_t most_bytes = 256 * KiB;

  struct Parcel {
    std::byte* block = nullptr;
    Span* span = nullptr;
  };

  struct Sent {
    HeapId owner = 0;
    std::size_t bytes = 0;
  };

  [[nodiscard]] unsigned held() const noexcept { return held_.load(std::memory_order_relaxed); }

  // Effects: sends the last block, and those before it that lie in the same word of the same bitmap.
  template <class Announce>
  [[nodiscard]] Sent send_word(Announce&& announce) noexcept {
    unsigned left = held() - 1;
    Span& span = *parcels_[left].span;
    const unsigned last = Checks::slot(span, parcels_[left].block);
    const unsigned word = last / 64;
    std::uint64_t bits = bit_of(last);
    for (; left != 0 && parcels_[left - 1].span == &span; --left) {
      const unsigned slot = Checks::slot(span, parcels_[left - 1].block);
      if (slot / 64 != word) break;
      Checks::add(bits, span, slot);
    }
    const std::size_t bytes = (held() - left) * std::size_t{span.slot_size};
    held_.store(left, std::memory_order_release);
    const GivenBack given = span.remote.give(word, bits);
    Checks::insist_owned(given.owner != 0, span, last);
    Checks::insist_apart(given.before, bits, span, word);
    if (given.announce) announce(given.owner, span);
    return {given.owner, bytes};
  }

  Parcel parcels_[most_blocks] = {};
  // Its own thread's; atomic for the sake of a child that is forked in between.
  std::atomic<unsigned> held_{0};
  std::size_t bytes_ = 0;
};

}  // namespace basalt::engine
