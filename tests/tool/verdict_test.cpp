// A replay does not say who is the fastest where the player's own time leaves nothing to tell it by.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "basalt/replay_result.hpp"

namespace basalt::tool {
namespace {

[[nodiscard]] Played played(const char* name, std::vector<double> rounds, const std::vector<double>& own) {
  Played one;
  one.allocator.name = name;
  one.wall_ns = {rounds, own};
  one.cpu_ns = {std::move(rounds), own};
  return one;
}

[[nodiscard]] ReplayResult result_of(std::vector<Played> all) {
  ReplayResult result;
  result.script.threads = 2;
  result.script.operations = 10;
  result.played = std::move(all);
  return result;
}

TEST(Verdict, NamesTheFastestWhereAllRoundsTookLongerThanThePlayer) {
  const std::vector<double> own{10, 11, 12};
  const ReplayResult result =
      result_of({played("one", {110, 112, 111}, own), played("two", {60, 61, 62}, own)});
  EXPECT_TRUE(times_are_known(result));
  EXPECT_TRUE(verdict(result).starts_with("two is the fastest: 2.00 × as fast as one (")) << verdict(result);
  const nlohmann::json page = as_json(result);
  EXPECT_EQ(page["allocators"][0]["swallowed_rounds"], 0);
  EXPECT_EQ(page["allocators"][0]["time_ns"], (std::vector<double>{99, 101, 100}));
  EXPECT_EQ(page["allocators"][0]["own_ns"], own);
  EXPECT_EQ(page["allocators"][0]["median_ns"], 100);
}

TEST(Verdict, IsNoneWhereARoundTookNoLongerThanThePlayer) {
  const std::vector<double> own{10, 50, 90};
  const ReplayResult result =
      result_of({played("one", {110, 112, 111}, own), played("two", {60, 40, 62}, own)});
  EXPECT_FALSE(times_are_known(result));
  EXPECT_TRUE(verdict(result).starts_with(
      "Which is the fastest cannot be told: 1 of 3 rounds of two took no longer than "
      "the player alone, whose threads wait for each other; --threads 1 plays "
      "without waiting. "))
      << verdict(result);
  const nlohmann::json page = as_json(result);
  EXPECT_EQ(page["verdict"], verdict(result));
  EXPECT_EQ(page["allocators"][1]["swallowed_rounds"], 1);
  EXPECT_EQ(page["allocators"][1]["time_ns"], (std::vector<double>{10, 0, 12}));
  for (const char* const figure : {"median_ns", "low_ns", "high_ns", "ns_per_operation"})
    EXPECT_TRUE(page["allocators"][1][figure].is_null()) << figure;
}

TEST(Verdict, IsAsUncertainAsThePlayersOwnTime) {
  const std::vector<double> own{5, 50, 55};
  const ReplayResult result = result_of({played("one", {81, 82, 80}, own), played("two", {60, 61, 62}, own)});
  const Outcome outcome = outcome_of(result, result.played[1]);
  EXPECT_LE(outcome.time_ns.low, 7);
  EXPECT_GE(outcome.time_ns.high, 55);
}

}  // namespace
}  // namespace basalt::tool
