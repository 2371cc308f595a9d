// Where freed blocks stay for a while, so that who still knows an address does not soon find a new block there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/range.hpp"

namespace basalt::hardened {

// A block takes a random place and whoever was there goes. So a block stays for as many frees as there are places, in the mean, and
// nobody can foresee which free lets it go. Threads share places by their heaps; each place changes hands in one atomic operation, so
// there is no lock, nothing to hand over when a thread ends, and nothing half done in a child that is forked.
class Quarantine {
 public:
  constexpr Quarantine() noexcept = default;

  // Returns: the block that is to be freed now, instead of `p`; or nullptr.
  [[nodiscard]] void* admit(void* p, std::size_t bytes, const void* whose, std::uint64_t key) noexcept {
    if (bytes > largest) return p;
    Ward& ward = wards_[address_of(whose) / spacing % wards];
    // Of two threads that lose a turn here, both get a random place. (Knuth's generator: MMIX.)
    const std::uint64_t turn = ward.turn.load(std::memory_order_relaxed) * 6'364'136'223'846'793'005U + key;
    ward.turn.store(turn, std::memory_order_relaxed);
    const std::uint64_t die = turn >> 48;
    std::atomic<void*>& place =
        bytes <= small ? ward.small[die % small_places] : ward.large[die % large_places];
    return place.exchange(p, std::memory_order_acq_rel);
  }

  // Effects: calls release(block) for every block that stays here: none does any more.
  template <class Release>
  void empty(Release&& release) noexcept {
    for (Ward& ward : wards_) {
      for (std::atomic<void*>& place : ward.small) let_go(place, release);
      for (std::atomic<void*>& place : ward.large) let_go(place, release);
    }
  }

 private:
  static constexpr std::size_t wards = 8;
  static constexpr std::size_t spacing = 512 * KiB;  // between those that threads are told apart by
  static constexpr std::size_t small = KiB;          // bytes
  static constexpr std::size_t small_places = 256;
  static constexpr std::size_t large_places = 16;
  static constexpr std::size_t largest = 32 * KiB;  // bytes: at most 768 KiB stay in a ward

  struct alignas(64) Ward {
    std::atomic<std::uint64_t> turn{0};
    std::atomic<void*> small[small_places] = {};
    std::atomic<void*> large[large_places] = {};
  };

  template <class Release>
  static void let_go(std::atomic<void*>& place, Release&& release) noexcept {
    if (place.load(std::memory_order_relaxed) == nullptr) return;
    if (void* const block = place.exchange(nullptr, std::memory_order_acq_rel)) release(block);
  }

  Ward wards_[wards] = {};
};

struct NoQuarantine {
  [[nodiscard]] static constexpr void* admit(void* p, std::size_t, const void*, std::uint64_t) noexcept {
    return p;
  }
  template <class Release>
  static constexpr void empty(Release&&) noexcept {}
};

}  // namespace basalt::hardened
