// Plays a script on allocators, round by round.
#pragma once

#include <string>
#include <vector>

#include "allocators.hpp"
#include "replay/compile.hpp"
#include "replay/figures.hpp"
#include "replay/script.hpp"

namespace basalt::tool {

struct Played {
  Allocator allocator;
  replay::Times wall_ns, cpu_ns;        // of each round
  std::vector<std::uint64_t> resident;  // bytes at each sample of the script
  double p50_ns = 0, p99_ns = 0, p999_ns = 0, longest_ns = 0;
  std::uint64_t failed = 0;
};

struct PlayPlan {
  std::string script;
  std::size_t rounds = 5;
  replay::Touch touch = replay::Touch::first;
};

// Effects: each round plays on every allocator in turn, and begins with another; then each plays once for its memory and once for
// how long single operations take.  Throws: std::runtime_error, if one cannot play.
[[nodiscard]] std::vector<Played> play(const PlayPlan& plan, const std::vector<Allocator>& allocators);

}  // namespace basalt::tool
