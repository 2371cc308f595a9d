// The seed of a random test: printed, and set again by BASALT_SEED.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace basalt::test {

// Returns: BASALT_SEED if it is set, else `fallback`; the same in every run, so that CI repeats itself. `script/soak`
// gives ever new ones.
inline std::uint64_t seed(std::uint64_t fallback = 1) {
  const char* const wish = std::getenv("BASALT_SEED");
  const std::uint64_t seed = wish == nullptr ? fallback : std::strtoull(wish, nullptr, 10);
  std::printf("seed %llu (again with BASALT_SEED=%llu)\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(seed));
  return seed;
}

// How often to do what should be done very often: once in every run, BASALT_SCALE times when `script/soak` asks.
inline std::size_t scale() {
  const char* const wish = std::getenv("BASALT_SCALE");
  return wish == nullptr ? 1 : std::strtoull(wish, nullptr, 10);
}

// Says how much was done, for `script/soak`: as process::figure does.
inline void figure(std::size_t number, const char* words) { std::printf("figure: %zu %s\n", number, words); }

// Numbers below a bound, from one generator.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_{seed} {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool one_in(std::size_t chances) { return below(chances) == 0; }

  // A size whose number of bits is even-handed: small ones are as frequent as large ones.
  std::size_t size(unsigned most_bits) { return below(std::size_t{1} << below(most_bits + 1)); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace basalt::test
