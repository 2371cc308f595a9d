// What a few repeated measurements say.
#pragma once

#include <cstdint>
#include <vector>

namespace basalt::replay {

// Requires: at least one value.
[[nodiscard]] double median(std::vector<double> values);

struct Interval {
  double low = 0, middle = 0, high = 0;
};

// What each round took, with what the player needs by itself in it; and that, as often as it was measured.
struct Times {
  std::vector<double> rounds;
  std::vector<double> own;  // none: nothing is to be taken away

  // Returns: what remains of each round; 0 where nothing does.
  [[nodiscard]] std::vector<double> net() const;
  // Returns: of how many rounds nothing remains: they took no longer than the player alone, and say nothing.
  [[nodiscard]] std::size_t swallowed() const;
};

// Returns: the median of a's rounds over that of b's, each without the player's own time, and where it lies with 95 % probability,
// by drawing anew (a bootstrap with a fixed seed: the same figures give the same interval). Rounds are drawn in pairs, for round i of
// the one belongs to round i of the other; and so are the player's own times. Infinite where nothing remains of b.
// Requires: as many rounds of the one as of the other, and at least one.
[[nodiscard]] Interval ratio(const Times& a, const Times& b);

// Returns: the median of what remains of the rounds, and where it lies with 95 % probability.
[[nodiscard]] Interval spread(const Times& times);

}  // namespace basalt::replay
