// Numbers by chance, and heaps that have grown old by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace misuse {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_{seed * 2654435761U + 1} {}
  std::size_t roll(std::size_t sides) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % sides;
  }

 private:
  std::uint64_t state_;
};

inline void age(std::uint64_t seed) {
  Dice dice{seed};
  std::vector<void*> held;
  for (int i = 0; i < 4000; ++i) {
    if (held.size() > 50 && dice.roll(2) == 0) {
      std::swap(held[dice.roll(held.size())], held.back());
      std::free(held.back());
      held.pop_back();
    } else {
      held.push_back(std::malloc(dice.roll(i % 400 == 0 ? 3 << 20 : i % 10 == 0 ? 100'000 : 1500)));
    }
  }
  for (std::size_t i = 0; i < held.size(); ++i)
    if (i % 8 != 0) std::free(held[i]);  // some stay, and nobody knows them any more
}

}  // namespace misuse
