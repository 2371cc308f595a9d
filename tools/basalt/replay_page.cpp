// A replay as a page to look at.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "console.hpp"
#include "page.hpp"
#include "replay_result.hpp"

namespace basalt::tool {

namespace {

constexpr double most_times = 8;  // how much longer than the shortest bar the longest may be

[[nodiscard]] std::vector<Curve> memory_curves(const ReplayResult& result) {
  std::vector<Curve> curves;
  Curve live{"live, as asked for", {}};
  for (const replay::SamplePoint& point : result.script.samples)
    live.points.push_back({static_cast<double>(point.event), static_cast<double>(point.live_bytes)});
  curves.push_back(live);
  for (const Played& played : result.played) {
    Curve curve{played.allocator.name, {}};
    for (std::size_t i = 0; i != std::min(played.resident.size(), result.script.samples.size()); ++i)
      curve.points.push_back(
          {static_cast<double>(result.script.samples[i].event), static_cast<double>(played.resident[i])});
    curves.push_back(curve);
  }
  return curves;
}

[[nodiscard]] std::vector<Bar> time_bars(const ReplayResult& result) {
  std::vector<Bar> bars;
  for (const Played& played : result.played) {
    const Outcome outcome = outcome_of(result, played);
    const replay::Interval& wall = outcome.time_ns;
    bars.push_back({played.allocator.name, wall.middle, wall.low, wall.high, time_text(outcome)});
  }
  return bars;
}

[[nodiscard]] std::string figures(const ReplayResult& result) {
  std::vector<std::vector<std::string>> rows{
      {"allocator", "time", "ns/op", "p50", "p99", "p99.9", "longest", "peak", "mean", "peak/live"}};
  for (const Played& played : result.played) {
    const Outcome outcome = outcome_of(result, played);
    rows.push_back({played.allocator.name, time_text(outcome), per_operation_text(outcome),
                    time_text(played.p50_ns), time_text(played.p99_ns), time_text(played.p999_ns),
                    time_text(played.longest_ns), bytes_text(outcome.peak), bytes_text(outcome.mean),
                    over_live_text(outcome)});
  }
  return html_table(rows);
}

}  // namespace

std::string as_html(const ReplayResult& result) {
  Page page{"Replay of " + shell_text(result.command)};
  page.text(verdict(result));
  page.heading("Memory");
  page.text(
      "Bytes resident in each allocator's process after so many events of the program, and what the program "
      "had asked for.");
  page.add(curves_html(
      memory_curves(result), "events of the program",
      [](double value) { return count_text(static_cast<std::uint64_t>(value)); },
      [](double value) { return bytes_text(static_cast<std::uint64_t>(value)); }));
  page.heading("Time");
  page.text(fmt::format(
      "All {} operations, {}without what the player itself needs: the median of {} rounds, and where it lies "
      "with 95 % "
      "probability.",
      count_text(result.script.operations), result.script.threads == 1 ? "in processor time, " : "",
      result.played.empty() ? 0 : result.played[0].wall_ns.rounds.size()));
  const std::vector<Bar> bars = time_bars(result);
  double least = std::numeric_limits<double>::infinity();
  for (const Bar& bar : bars) least = std::min(least, bar.value);
  if (std::any_of(bars.begin(), bars.end(), [&](const Bar& bar) { return bar.value > most_times * least; }))
    page.text(fmt::format("A bar with an arrow is cut where it is {:.0f} times the shortest.", most_times));
  page.add(bars_html(bars, most_times * least));
  page.heading("Figures");
  page.add(figures(result));
  page.text(
      "A replay has no work between its calls: what allocators do to a program's own caches is not in it, "
      "nor the time between "
      "threads. Try the winner on the program itself before you believe it.");
  return page.html();
}

}  // namespace basalt::tool
