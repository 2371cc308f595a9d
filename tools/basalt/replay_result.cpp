#include "replay_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "console.hpp"

namespace basalt::tool {

using nlohmann::json;
using replay::Interval;

namespace {

constexpr const char* blind_spots =
    "A replay has no work between its calls: what allocators do to a program's own caches is not in it, nor "
    "the time\n"
    "between threads. Try the winner on the program itself before you believe it.";

[[nodiscard]] std::uint64_t peak_of(const Played& played) {
  return played.resident.empty() ? 0 : *std::max_element(played.resident.begin(), played.resident.end());
}

[[nodiscard]] std::string percent(double part) { return fmt::format("{:.0f} %", 100 * part); }

}  // namespace

const replay::Times& times_of(const ReplayResult& result, const Played& played) {
  return result.script.threads == 1 ? played.cpu_ns : played.wall_ns;
}

namespace {

[[nodiscard]] std::vector<const Played*> by_time(const ReplayResult& result) {
  std::vector<const Played*> order;
  for (const Played& played : result.played) order.push_back(&played);
  std::stable_sort(order.begin(), order.end(), [&](const Played* a, const Played* b) {
    return replay::median(times_of(result, *a).rounds) < replay::median(times_of(result, *b).rounds);
  });
  return order;
}

// Returns: why nothing is said of who is the fastest; empty: nothing stands against it.
[[nodiscard]] std::string why_no_verdict(const ReplayResult& result) {
  for (const Played& played : result.played) {
    const replay::Times& times = times_of(result, played);
    if (times.swallowed() == 0) continue;
    return fmt::format(
        "Which is the fastest cannot be told: {} of {} rounds of {} took no longer than the player alone{}.",
        times.swallowed(), times.rounds.size(), played.allocator.name,
        result.script.threads == 1
            ? ""
            : ", whose threads wait for each other; --threads 1 plays without waiting");
  }
  return "";
}

[[nodiscard]] std::string verdict_on_time(const ReplayResult& result) {
  if (!times_are_known(result)) return why_no_verdict(result);
  const std::vector<const Played*> order = by_time(result);
  const Interval lead = replay::ratio(times_of(result, *order[1]), times_of(result, *order[0]));
  const std::string& first = order[0]->allocator.name;
  const std::string& second = order[1]->allocator.name;
  const std::size_t rounds = times_of(result, *order[0]).rounds.size();
  if (rounds < 3)
    return fmt::format(
        "{} was the fastest, {:.2f} × as fast as {}; fewer than three rounds say no more than that.", first,
        lead.middle, second);
  if (lead.low > 1)
    return fmt::format("{} is the fastest: {:.2f} × as fast as {} ({:.2f} to {:.2f}).", first, lead.middle,
                       second, lead.low, lead.high);
  return fmt::format("{} and {} are equally fast as far as {} rounds can tell ({:.2f} to {:.2f}).", first,
                     second, rounds, lead.low, lead.high);
}

}  // namespace

bool times_are_known(const ReplayResult& result) {
  return std::all_of(result.played.begin(), result.played.end(),
                     [&](const Played& played) { return times_of(result, played).swallowed() == 0; });
}

const Played& fastest(const ReplayResult& result) { return *by_time(result).front(); }

Outcome outcome_of(const ReplayResult& result, const Played& played) {
  Outcome outcome;
  outcome.time_ns = replay::spread(times_of(result, played));
  outcome.swallowed = times_of(result, played).swallowed();
  outcome.ns_per_operation = outcome.time_ns.middle / static_cast<double>(result.script.operations);
  outcome.peak = peak_of(played);
  if (!played.resident.empty())
    outcome.mean = std::accumulate(played.resident.begin(), played.resident.end(), std::uint64_t{0}) /
                   played.resident.size();
  const std::size_t at = result.script.peak_sample;
  if (at < played.resident.size() && result.script.samples[at].live_bytes != 0)
    outcome.over_live =
        static_cast<double>(played.resident[at]) / static_cast<double>(result.script.samples[at].live_bytes);
  return outcome;
}

std::string time_text(const Outcome& outcome) {
  return outcome.swallowed == 0 ? time_text(outcome.time_ns.middle) : "-";
}

std::string per_operation_text(const Outcome& outcome) {
  return outcome.swallowed == 0 ? fmt::format("{:.1f}", outcome.ns_per_operation) : "-";
}

std::string over_live_text(const Outcome& outcome) {
  return outcome.over_live ? fmt::format("{:.2f}", *outcome.over_live) : "-";
}

std::string verdict(const ReplayResult& result) {
  if (result.played.size() < 2) return "There is nothing to compare with: name more than one allocator.";
  const auto least =
      std::min_element(result.played.begin(), result.played.end(),
                       [](const Played& a, const Played& b) { return peak_of(a) < peak_of(b); });
  return verdict_on_time(result) + fmt::format(" {} takes the least memory at its peak: {}.",
                                               least->allocator.name, bytes_text(peak_of(*least)));
}

namespace {

[[nodiscard]] json rows_of(const ReplayResult& result) {
  json rows = json::array();
  for (const Played& played : result.played) {
    const Outcome outcome = outcome_of(result, played);
    const auto if_known = [&](double figure) { return outcome.swallowed == 0 ? json(figure) : json(); };
    rows.push_back({{"name", played.allocator.name},
                    {"library", played.allocator.library},
                    {"time_ns", times_of(result, played).net()},
                    {"own_ns", times_of(result, played).own},
                    {"swallowed_rounds", outcome.swallowed},
                    {"wall_ns", played.wall_ns.net()},
                    {"cpu_ns", played.cpu_ns.net()},
                    {"median_ns", if_known(outcome.time_ns.middle)},
                    {"low_ns", if_known(outcome.time_ns.low)},
                    {"high_ns", if_known(outcome.time_ns.high)},
                    {"ns_per_operation", if_known(outcome.ns_per_operation)},
                    {"p50_ns", played.p50_ns},
                    {"p99_ns", played.p99_ns},
                    {"p999_ns", played.p999_ns},
                    {"longest_ns", played.longest_ns},
                    {"peak_bytes", outcome.peak},
                    {"mean_bytes", outcome.mean},
                    {"resident_over_live_at_peak", outcome.over_live ? json(*outcome.over_live) : json()},
                    {"resident", played.resident},
                    {"failed", played.failed}});
  }
  return rows;
}

}  // namespace

json as_json(const ReplayResult& result) {
  json events = json::array(), live = json::array();
  for (const replay::SamplePoint& point : result.script.samples)
    events.push_back(point.event), live.push_back(point.live_bytes);
  return {{"kind", "basalt replay"},
          {"trace", result.trace},
          {"command", result.command},
          {"operations", result.script.operations},
          {"threads", result.script.threads},
          {"time_is", result.script.threads == 1 ? "processor" : "wall"},
          {"skipped_frees", result.script.skipped},
          {"samples", {{"event", events}, {"live_bytes", live}}},
          {"live_peak_bytes",
           result.script.samples.empty() ? 0 : result.script.samples[result.script.peak_sample].live_bytes},
          {"allocators", rows_of(result)},
          {"verdict", verdict(result)}};
}

void print(const ReplayResult& result) {
  const replay::Script& script = result.script;
  fmt::print("{}\n{} operations by {} thread{}; {} live at the peak\n\n",
             styled(Style::strong, shell_text(result.command)), count_text(script.operations), script.threads,
             script.threads == 1 ? "" : "s",
             bytes_text(script.samples.empty() ? 0 : script.samples[script.peak_sample].live_bytes));
  Table table{{"allocator", script.threads == 1 ? "cpu time" : "time", "±", "ns/op", "p99.9", "peak", "mean",
               "peak/live"}};
  for (const Played& played : result.played) {
    const Outcome outcome = outcome_of(result, played);
    const double half = (outcome.time_ns.high - outcome.time_ns.low) / 2;
    table.add({played.allocator.name, time_text(outcome),
               outcome.swallowed == 0 ? percent(half / outcome.time_ns.middle) : "-",
               per_operation_text(outcome), time_text(played.p999_ns), bytes_text(outcome.peak),
               bytes_text(outcome.mean), over_live_text(outcome)});
  }
  fmt::print("{}\n{}\n", table.text(), verdict(result));
  for (const Played& played : result.played) {
    if (played.failed != 0) fmt::print("{} refused {} allocations.\n", played.allocator.name, played.failed);
  }
  if (script.skipped != 0)
    fmt::print("{} frees of pointers whose allocation was not recorded were left out.\n",
               count_text(script.skipped));
  fmt::print("{}\n", styled(Style::faint, blind_spots));
}

}  // namespace basalt::tool
