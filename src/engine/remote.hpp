// How a slot finds its way home from a thread that does not own its span.
//
//   the freer                                          the owner, under its heap's lock
//   sets the slot's bit                                has no slot left to give: says `full`
//   looks: is the span full?                           looks: is a bit set?
//     then full -> returned, and it goes on the inbox    then full -> attached, and the bits are collected
//
// Each first writes and then looks, all four in one order that everybody agrees on: so one of the two sees the other. If both
// do, the compare-exchange on the word decides.
//
// A template over the atomics, so that the tests run this very text under every schedule.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "size_class.hpp"

namespace basalt::engine {

using HeapId = std::uint32_t;  // 1 .. most_heaps; 0 is nobody

// attached   the owner has it on one of its lists
// full       every slot is out; nobody has it on a list, it lives by its slots alone
// returned   it was full, and a thread that is not its owner has put it on the owner's inbox, or is about to
enum class SpanState : std::uint8_t { attached, full, returned };

// Owner, generation and state in one word, so that all three are read and changed at once. A generation ends when the
// span's slices are released: whoever still knows the span by an older one has nothing more to do with it.
class SpanWord {
 public:
  constexpr SpanWord() noexcept = default;
  constexpr SpanWord(HeapId owner, std::uint32_t generation, SpanState state) noexcept
      : bits_{std::uint64_t{generation} << 32 | std::uint64_t{owner} << 8 |
              static_cast<std::uint64_t>(state)} {}

  [[nodiscard]] constexpr HeapId owner() const noexcept {
    return static_cast<HeapId>(bits_ >> 8 & 0xff'ffff);
  }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  [[nodiscard]] constexpr SpanState state() const noexcept { return static_cast<SpanState>(bits_ & 0xff); }

  [[nodiscard]] constexpr SpanWord in(SpanState state) const noexcept {
    return {owner(), generation(), state};
  }

  friend constexpr bool operator==(SpanWord, SpanWord) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};

// What became of slots that were given back.
struct GivenBack {
  // The bits that were set before; if one of them was given again, it is a double free.
  std::uint64_t before = 0;
  // The span was full: the caller, and nobody else, has to put it on the owner's inbox.
  bool announce = false;
  HeapId owner = 0;  // whose slots they are
};

// The part of a span that everybody writes.
//
// Law: a bit is set from the moment a thread that is not the owner gives the slot back until the owner collects it.
//      While a bit is set, the span is attached, or returned, or full with a thread on its way to return it.
template <class Atomics, unsigned Words = most_slots / 64>
class RemoteFrees {
 public:
  static constexpr unsigned words = Words;

  // Any thread.  Effects: gives the slots `bits` of word `w` back.  Requires: until now they were in use.
  [[nodiscard]] GivenBack give(unsigned w, std::uint64_t bits) noexcept {
    const SpanWord before =
        word_.load(std::memory_order_relaxed);  // as long as the slots are in use, it cannot end
    const std::uint64_t set = bits_[w].fetch_or(bits, std::memory_order_seq_cst);
    SpanWord now = word_.load(std::memory_order_seq_cst);
    if (now.generation() != before.generation() || now.state() != SpanState::full)
      return {.before = set, .owner = before.owner()};
    if (!word_.compare_exchange_strong(now, now.in(SpanState::returned), std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
      return {.before = set, .owner = before.owner()};
    }
    return {.before = set, .announce = true, .owner = now.owner()};
  }

  // What follows is for the owner, under its lock.

  // Effects: the span is `owner`'s, attached.
  void begin(HeapId owner) noexcept {
    const SpanWord old = word_.load(std::memory_order_relaxed);
    word_.store({owner, old.generation(), SpanState::attached}, std::memory_order_relaxed);
  }

  // Effects: the generation is over.  Requires: attached, and every slot is free: so no bit is set, nor will be.
  void end() noexcept {
    const SpanWord old = word_.load(std::memory_order_relaxed);
    word_.store({0, old.generation() + 1, SpanState::attached}, std::memory_order_relaxed);
  }

  // Effects: clears word `w` of the bits.  Returns: what was set there: slots that are the owner's again.
  [[nodiscard]] std::uint64_t collect(unsigned w) noexcept {
    if (bits_[w].load(std::memory_order_relaxed) == 0) return 0;
    return bits_[w].exchange(0, std::memory_order_acquire);
  }

  // Effects: says that the span is full.
  // Returns: whether it stays so; if not, it is attached as before, and there is something to collect.
  [[nodiscard]] bool leave() noexcept {
    const SpanWord attached = word_.load(std::memory_order_relaxed);
    (void)word_.exchange(attached.in(SpanState::full), std::memory_order_seq_cst);
    for (const auto& bits : bits_) {
      if (bits.load(std::memory_order_seq_cst) != 0) return !come_back();
    }
    return true;
  }

  // Effects: a full span is attached.  Returns: whether it was full; if not, another thread has returned it, and it will be
  // found on the inbox.
  [[nodiscard]] bool come_back() noexcept {
    SpanWord full = word_.load(std::memory_order_relaxed).in(SpanState::full);
    return word_.compare_exchange_strong(full, full.in(SpanState::attached), std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }

  // Effects: a span from the inbox is attached.
  void arrive() noexcept {
    const SpanWord returned = word_.load(std::memory_order_relaxed);
    word_.store(returned.in(SpanState::attached), std::memory_order_relaxed);
  }

  [[nodiscard]] HeapId owner() const noexcept { return word_.load(std::memory_order_relaxed).owner(); }
  [[nodiscard]] SpanState state() const noexcept { return word_.load(std::memory_order_relaxed).state(); }

  // Returns: the bits that are set in word `w` at this moment. Whoever sees one sees all that its slot went through before:
  // that it had left its owner's bin.
  [[nodiscard]] std::uint64_t bits(unsigned w) const noexcept {
    return bits_[w].load(std::memory_order_acquire);
  }

 private:
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  Atomic<SpanWord> word_{SpanWord{}};
  Atomic<std::uint64_t> bits_[Words] = {};
};

// The spans that other threads have returned to a heap. Any thread puts one in; the owner takes them all at once, so no
// span leaves while another one is about to be put on top of it.
//
// `Item` has a field `inbox_next`, an atomic pointer to Item.
template <class Atomics, class Item>
class Inbox {
 public:
  // Requires: RemoteFrees::give has told the caller to.
  void put(Item& item) noexcept {
    Item* head = head_.load(std::memory_order_relaxed);
    do {
      item.inbox_next.store(head, std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, &item, std::memory_order_release, std::memory_order_relaxed));
  }

  // Returns: the last that came, linked by `inbox_next`; nullptr if there is none.
  [[nodiscard]] Item* take_all() noexcept {
    if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return head_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  typename Atomics::template Atomic<Item*> head_{nullptr};
};

}  // namespace basalt::engine
