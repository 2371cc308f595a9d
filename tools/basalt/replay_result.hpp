// What a replay found, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "play.hpp"
#include "replay/figures.hpp"

namespace basalt::tool {

struct ReplayResult {
  std::string trace;
  std::vector<std::string> command;
  bool of_a_process = true;  // else what was imported names a file, or nothing
  replay::Script script;
  std::vector<Played> played;  // the order in which they were asked for
};

// Returns: of each round, what counts as its time. One thread's is processor time, so that other programs have no part in it;
// threads wait for each other, and that is time too.
[[nodiscard]] const replay::Times& times_of(const ReplayResult& result, const Played& played);

// Returns: whether every round of each took longer than the player alone: else nothing is known of their times.
[[nodiscard]] bool times_are_known(const ReplayResult& result);

// Returns: the one whose median is the least.  Requires: there is one.
[[nodiscard]] const Played& fastest(const ReplayResult& result);

// What one allocator's rounds come to.
struct Outcome {
  replay::Interval time_ns;
  double ns_per_operation = 0;
  std::size_t swallowed =
      0;  // rounds no longer than the player alone: if there are any, its time is not known
  std::uint64_t peak = 0, mean = 0;  // bytes resident
  // Resident over live bytes, where most are live.
  std::optional<double> over_live;
};
[[nodiscard]] Outcome outcome_of(const ReplayResult& result, const Played& played);

// Returns: the figures as they are shown.
[[nodiscard]] std::string time_text(const Outcome& outcome);
[[nodiscard]] std::string per_operation_text(const Outcome& outcome);
[[nodiscard]] std::string over_live_text(const Outcome& outcome);

// Returns: which is the fastest and by how much, and which takes the least memory: with the uncertainty of both.
[[nodiscard]] std::string verdict(const ReplayResult& result);

[[nodiscard]] nlohmann::json as_json(const ReplayResult& result);
void print(const ReplayResult& result);
// One page that needs nothing else.
[[nodiscard]] std::string as_html(const ReplayResult& result);

}  // namespace basalt::tool
