#include "figures.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>

namespace basalt::replay {

namespace {

constexpr int draws = 2000;

using Indices = std::vector<std::size_t>;

[[nodiscard]] Indices all_of(std::size_t count) {
  Indices all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

// `figure` gets two lists of indices, of rounds and of the player's own times, drawn with replacement.
template <class Figure>
[[nodiscard]] Interval bootstrap(std::size_t rounds, std::size_t own, Figure figure) {
  std::mt19937_64 dice{1};
  Indices drawn_rounds(rounds), drawn_own(own);
  std::vector<double> figures;
  for (int draw = 0; draw != draws; ++draw) {
    for (std::size_t& index : drawn_rounds) index = static_cast<std::size_t>(dice() % rounds);
    for (std::size_t& index : drawn_own) index = static_cast<std::size_t>(dice() % own);
    figures.push_back(figure(drawn_rounds, drawn_own));
  }
  std::sort(figures.begin(), figures.end());
  return {figures[draws * 25 / 1000], figure(all_of(rounds), all_of(own)), figures[draws * 975 / 1000]};
}

[[nodiscard]] double median_of(const std::vector<double>& values, const Indices& indices) {
  if (values.empty()) return 0;
  std::vector<double> some;
  for (const std::size_t index : indices) some.push_back(values[index % values.size()]);
  return median(some);
}

[[nodiscard]] double remains(const Times& times, const Indices& rounds, const Indices& own) {
  return std::max(0.0, median_of(times.rounds, rounds) - median_of(times.own, own));
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> Times::net() const {
  const double taken = median_of(own, all_of(own.size()));
  std::vector<double> values;
  for (const double round : rounds) values.push_back(std::max(0.0, round - taken));
  return values;
}

std::size_t Times::swallowed() const {
  const std::vector<double> values = net();
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0));
}

Interval ratio(const Times& a, const Times& b) {
  return bootstrap(
      a.rounds.size(), std::max(a.own.size(), b.own.size()), [&](const Indices& rounds, const Indices& own) {
        const double below = remains(b, rounds, own);
        return below > 0 ? remains(a, rounds, own) / below : std::numeric_limits<double>::infinity();
      });
}

Interval spread(const Times& times) {
  return bootstrap(times.rounds.size(), times.own.size(),
                   [&](const Indices& rounds, const Indices& own) { return remains(times, rounds, own); });
}

}  // namespace basalt::replay
