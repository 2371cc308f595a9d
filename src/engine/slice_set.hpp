// Which slices of a chunk are in it: 256 bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace basalt::engine {

inline constexpr unsigned slices_per_chunk = 256;

class SliceSet {
 public:
  static constexpr unsigned none = slices_per_chunk;

  void add(unsigned first, unsigned count) noexcept {
    change(first, count, [](auto& w, auto m) { w |= m; });
  }
  void remove(unsigned first, unsigned count) noexcept {
    change(first, count, [](auto& w, auto m) { w &= ~m; });
  }

  void remove(const SliceSet& others) noexcept {
    for (unsigned i = 0; i < words; ++i) words_[i] &= ~others.words_[i];
  }

  // Returns: the lowest slice at a multiple of `alignment` from which at least `count` in a row are in the set; `none` if
  // there is no such slice.  Requires: `alignment` is a power of two.
  [[nodiscard]] unsigned find_run(unsigned count, unsigned alignment) const noexcept {
    for (unsigned begin = next_in(0); begin != none;) {
      const unsigned end = next_out(begin);
      const unsigned first = (begin + alignment - 1) & ~(alignment - 1);
      if (first + count <= end) return first;
      begin = next_in(end);
    }
    return none;
  }

  // Returns: the first slice at `from` or above that is in the set; `none` if there is none.
  [[nodiscard]] unsigned next_in(unsigned from) const noexcept { return next(from, 0); }

  // Returns: the first slice at `from` or above that is not in the set; `slices_per_chunk` if there is none.
  [[nodiscard]] unsigned next_out(unsigned from) const noexcept { return next(from, ~std::uint64_t{0}); }

  [[nodiscard]] unsigned count() const noexcept {
    unsigned sum = 0;
    for (const std::uint64_t word : words_) sum += static_cast<unsigned>(std::popcount(word));
    return sum;
  }

  friend SliceSet operator&(const SliceSet& a, const SliceSet& b) noexcept {
    SliceSet both;
    for (unsigned i = 0; i < words; ++i) both.words_[i] = a.words_[i] & b.words_[i];
    return both;
  }

 private:
  static constexpr unsigned words = slices_per_chunk / 64;

  [[nodiscard]] unsigned next(unsigned from, std::uint64_t flip) const noexcept {
    if (from >= slices_per_chunk) return slices_per_chunk;
    unsigned i = from / 64;
    std::uint64_t word = (words_[i] ^ flip) & (~std::uint64_t{0} << from % 64);
    while (word == 0) {
      if (++i == words) return slices_per_chunk;
      word = words_[i] ^ flip;
    }
    return i * 64 + static_cast<unsigned>(std::countr_zero(word));
  }

  template <class Change>
  void change(unsigned first, unsigned count, Change apply) noexcept {
    while (count != 0) {
      const unsigned low = first % 64;
      const unsigned here = count < 64 - low ? count : 64 - low;
      const std::uint64_t mask = (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << low;
      apply(words_[first / 64], mask);
      first += here;
      count -= here;
    }
  }

  std::uint64_t words_[words] = {};
};

}  // namespace basalt::engine
