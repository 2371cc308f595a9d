// A list that any thread may add to.
#pragma once

#include <atomic>

#include "atomics.hpp"

namespace basalt {

// Items are linked by their field `next`, the last that came in front. None is ever taken from in between, and who takes takes all:
// so none leaves while another one is about to be put on top of it.
template <class Item, class Atomics = StdAtomics>
class PushList {
 public:
  // Requires: it is on no such list.
  void push(Item& item) noexcept {
    Item* first = first_.load(std::memory_order_relaxed);
    do {
      item.next = first;
    } while (
        !first_.compare_exchange_weak(first, &item, std::memory_order_release, std::memory_order_relaxed));
  }

  // Returns: the last that came, and all others behind it; nullptr if there is none. They stay.
  [[nodiscard]] Item* first() const noexcept { return first_.load(std::memory_order_acquire); }

  // The same, and they are the caller's.
  [[nodiscard]] Item* take_all() noexcept {
    if (first_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return first_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  typename Atomics::template Atomic<Item*> first_{nullptr};
};

}  // namespace basalt
