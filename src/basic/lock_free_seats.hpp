// Who is inside a lock-free structure, and since when: epochs without threads that have to register.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"

namespace basalt {

using Epoch = std::uint64_t;

// How many operations of one kind, and bytes in them, a seat has seen. Only who sits there writes; anybody may read.
class SeatTally {
 public:
  void add(std::size_t bytes) noexcept {
    count_.store(count() + 1, std::memory_order_relaxed);
    add_bytes(bytes);
  }
  void add_bytes(std::size_t bytes) noexcept {
    bytes_.store(this->bytes() + bytes, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> bytes_{0};
};

// A place for one operation in progress, alone on its cache line.
template <class Atomics>
struct alignas(64) Seat {
  typename Atomics::template Atomic<Epoch> since{0};  // the epoch in which it was taken; 0: nobody sits here
  SeatTally allocated{};
  SeatTally freed{};
};

// Every operation takes a seat for its length, whatever thread it runs on: no thread-local state, nothing to do when a
// thread ends. The epoch moves on only when all who sit have sat down in the current one. Hence:
//
//   Law: while somebody sits, the epoch moves on by one at most.
//
// Something taken out of reach in epoch r can therefore be used again in epoch r + 2: all who could have reached it
// have left by then. (Who is slow to sit down may write an epoch that is past; this only holds the next one up. All
// accesses to the epoch and all takings of seats are sequentially consistent, so "before" and "after" mean the same to
// everybody, and to the links that are read from the seat.)
//
// `Waiting` is what one does who finds every seat taken: pause().
template <class Atomics, std::size_t count, class Waiting>
class Seats {
  static_assert(count >= 1, "somebody must be able to come in");

 public:
  using Seat = basalt::Seat<Atomics>;

  constexpr Seats() noexcept = default;

  // Returns: a free seat, which is now the caller's; looks at `first` first.
  [[nodiscard]] Seat& enter(std::size_t first) noexcept {
    Waiting waiting;
    for (;;) {
      const bool open = closers_.load(std::memory_order_relaxed) == 0;
      for (std::size_t i = 0; open && i < count; ++i) {
        Seat& seat = seats_[(first + i) % count];
        if (try_sit(seat)) return seat;
      }
      waiting.pause();
    }
  }

  void leave(Seat& seat) noexcept { seat.since.store(0, std::memory_order_release); }

  // Effects: waits until nobody else is inside, and lets nobody in.
  // The seats are taken in one order, and nobody waits for a seat who has one, so this ends; and so that it ends soon,
  // newcomers see that somebody is closing, and let that one go first. (It is the seats that keep them out.)
  void close() noexcept {
    closers_.fetch_add(1, std::memory_order_relaxed);
    for (Seat& seat : seats_) {
      Waiting waiting;
      while (!try_sit(seat)) waiting.pause();
    }
  }

  void open() noexcept {
    closers_.fetch_sub(1, std::memory_order_relaxed);
    for (Seat& seat : seats_) leave(seat);
  }

  [[nodiscard]] Epoch now() const noexcept { return epoch_.load(std::memory_order_seq_cst); }

  // Effects: moves on to the next epoch, if all who sit have sat down in this one.
  // Returns: the new epoch if this call has begun it, else 0.
  // Requires: the caller sits.
  [[nodiscard]] Epoch try_advance() noexcept {
    Epoch current = epoch_.load(std::memory_order_relaxed);
    for (const Seat& seat : seats_) {
      const Epoch since = seat.since.load(std::memory_order_seq_cst);
      if (since != 0 && since != current) return 0;
    }
    const bool begun = epoch_.compare_exchange_strong(current, current + 1, std::memory_order_relaxed);
    return begun ? current + 1 : 0;
  }

  [[nodiscard]] const std::array<Seat, count>& all() const noexcept { return seats_; }

 private:
  [[nodiscard]] bool try_sit(Seat& seat) noexcept {
    if (seat.since.load(std::memory_order_relaxed) != 0) return false;
    Epoch nobody = 0;
    return seat.since.compare_exchange_strong(nobody, now(), std::memory_order_seq_cst,
                                              std::memory_order_relaxed);
  }

  typename Atomics::template Atomic<Epoch> epoch_{1};
  typename Atomics::template Atomic<unsigned> closers_{0};
  std::array<Seat, count> seats_{};
};

// Threads have stacks of their own: that is enough to send them to different seats, mostly.
[[nodiscard]] inline std::size_t seat_by_stack() noexcept {
  const char here = 0;
  constexpr std::size_t stack_shift = 14;  // deeper calls of one thread should find the same seat
  return static_cast<std::size_t>((address_of(&here) >> stack_shift) * 0x9e37'79b9'7f4a'7c15U >> 32);
}

}  // namespace basalt
