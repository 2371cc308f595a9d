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

// Returns: the median of a's values over that of b's, and where it lies with 95 % probability, by drawing pairs anew (a bootstrap
// with a fixed seed: the same figures give the same interval). Round i of the one belongs to round i of the other.
// Requires: as many values of the one as of the other, and at least one.
[[nodiscard]] Interval ratio(const std::vector<double>& a, const std::vector<double>& b);

// Returns: the median of the values, and where it lies with 95 % probability.
[[nodiscard]] Interval spread(const std::vector<double>& values);

}  // namespace basalt::replay
