#include "play.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "child.hpp"
#include "console.hpp"
#include "record/collector.hpp"
#include "replay/figures.hpp"

namespace basalt::tool {

namespace {

namespace fs = std::filesystem;
using replay::Answer;
using replay::Measure;

struct Round {
  Answer answer;
  std::vector<std::uint64_t> samples;
};

[[nodiscard]] std::string player_path() {
  const fs::path tool = fs::read_symlink("/proc/self/exe").parent_path();
  for (const fs::path& path :
       {tool / "basalt-player", tool.parent_path() / BASALT_LIBEXECDIR / "basalt" / "basalt-player"}) {
    if (fs::exists(path)) return path.string();
  }
  throw UserError("basalt-player is not beside the tool", "install both, or build both: script/build");
}

// Returns: what is in the file, which is no more.
[[nodiscard]] std::string taken_from(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  std::error_code none;
  fs::remove(path, none);
  return bytes;
}

[[nodiscard]] Round play_once(const PlayPlan& plan, const Allocator& allocator, Measure measure) {
  constexpr std::array measures{"time", "own", "memory", "latency"};
  constexpr std::array touches{"none", "first", "all"};
  const std::string answer = plan.script + ".answer";
  Child child{{{player_path(), plan.script, answer, measures[static_cast<std::size_t>(measure)],
                touches[static_cast<std::size_t>(plan.touch)]},
               allocator.library,
               {},
               "",
               true}};
  const int status = child.wait();
  const std::string bytes = taken_from(answer);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (status == 128 + signal || child.interrupted() == signal)
      throw CannotRun("the replay was interrupted", "", 128 + signal);
  }
  if (status != 0)
    throw std::runtime_error(
        fmt::format("{} could not play the trace: the player ended with status {}", allocator.name, status));
  Round round;
  if (bytes.size() < sizeof round.answer) throw std::runtime_error("the player's answer is not whole");
  std::memcpy(&round.answer, bytes.data(), sizeof round.answer);
  round.samples.resize((bytes.size() - sizeof round.answer) / sizeof(std::uint64_t));
  std::memcpy(round.samples.data(), bytes.data() + sizeof round.answer,
              round.samples.size() * sizeof(std::uint64_t));
  return round;
}

struct OwnTimes {
  std::vector<double> wall_ns, cpu_ns;
};

// What the player needs by itself: as uncertain as what it is taken away from, so it is measured as often.
[[nodiscard]] OwnTimes own_times(const PlayPlan& plan) {
  OwnTimes own;
  for (std::size_t i = 0; i != std::max<std::size_t>(3, plan.rounds); ++i) {
    const Answer answer = play_once(plan, {"glibc", ""}, Measure::own).answer;
    own.wall_ns.push_back(static_cast<double>(answer.wall_ns));
    own.cpu_ns.push_back(static_cast<double>(answer.cpu_ns));
  }
  return own;
}

}  // namespace

std::vector<Played> play(const PlayPlan& plan, const std::vector<Allocator>& allocators) {
  std::vector<Played> played;
  const OwnTimes own = own_times(plan);
  for (const Allocator& allocator : allocators)
    played.push_back({allocator, {{}, own.wall_ns}, {{}, own.cpu_ns}, {}, 0, 0, 0, 0, 0});
  Progress progress{"playing", (plan.rounds + 2) * allocators.size()};
  std::size_t done = 0;
  for (std::size_t round = 0; round != plan.rounds; ++round) {
    for (std::size_t i = 0; i != played.size(); ++i) {
      progress.at(done++);
      Played& one = played[(i + round) % played.size()];
      const Answer answer = play_once(plan, one.allocator, Measure::time).answer;
      one.wall_ns.rounds.push_back(static_cast<double>(answer.wall_ns));
      one.cpu_ns.rounds.push_back(static_cast<double>(answer.cpu_ns));
      one.failed = std::max(one.failed, answer.failed);
    }
  }
  const double ns_per_tick = record::Clock::measured().ns_per_tick;
  for (Played& one : played) {
    progress.at(done++);
    one.resident = play_once(plan, one.allocator, Measure::memory).samples;
    progress.at(done++);
    const Answer answer = play_once(plan, one.allocator, Measure::latency).answer;
    one.p50_ns = static_cast<double>(answer.p50_ticks) * ns_per_tick;
    one.p99_ns = static_cast<double>(answer.p99_ticks) * ns_per_tick;
    one.p999_ns = static_cast<double>(answer.p999_ticks) * ns_per_tick;
    one.longest_ns = static_cast<double>(answer.longest_ticks) * ns_per_tick;
  }
  return played;
}

}  // namespace basalt::tool
