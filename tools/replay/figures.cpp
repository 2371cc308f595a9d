#include "figures.hpp"

#include <algorithm>
#include <cstddef>
#include <random>

namespace basalt::replay {

namespace {

constexpr int draws = 2000;

// `figure` gets a list of indices, drawn with replacement.
template <class Figure>
[[nodiscard]] Interval bootstrap(std::size_t count, Figure figure) {
  std::mt19937_64 dice{1};
  std::vector<std::size_t> all(count), drawn(count);
  for (std::size_t i = 0; i != count; ++i) all[i] = i;
  std::vector<double> figures;
  for (int draw = 0; draw != draws; ++draw) {
    for (std::size_t& index : drawn) index = static_cast<std::size_t>(dice() % count);
    figures.push_back(figure(drawn));
  }
  std::sort(figures.begin(), figures.end());
  return {figures[draws * 25 / 1000], figure(all), figures[draws * 975 / 1000]};
}

[[nodiscard]] std::vector<double> chosen(const std::vector<double>& values,
                                         const std::vector<std::size_t>& indices) {
  std::vector<double> some;
  for (const std::size_t index : indices) some.push_back(values[index]);
  return some;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Interval ratio(const std::vector<double>& a, const std::vector<double>& b) {
  return bootstrap(a.size(),
                   [&](const auto& drawn) { return median(chosen(a, drawn)) / median(chosen(b, drawn)); });
}

Interval spread(const std::vector<double>& values) {
  return bootstrap(values.size(), [&](const auto& drawn) { return median(chosen(values, drawn)); });
}

}  // namespace basalt::replay
