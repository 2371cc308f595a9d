// The table of live blocks, against one that is known to be right.
#include <gtest/gtest.h>

#include <unordered_map>

#include "record/live_map.hpp"
#include "support/seed.hpp"

namespace basalt::record {
namespace {

TEST(LiveMap, DoesWhatAMapDoes) {
  test::Dice dice{test::seed()};
  LiveMap live;
  std::unordered_map<std::uint64_t, std::uint64_t> oracle;
  for (std::uint64_t step = 0; step != 300'000; ++step) {
    const std::uint64_t address = 16 * (1 + dice.below(step < 150'000 ? 20'000 : 500));
    const auto known = oracle.find(address);
    if (dice.one_in(2)) {
      const auto before = live.put(address, {step, 0});
      ASSERT_EQ(before.has_value(), known != oracle.end());
      if (before) {
        ASSERT_EQ(before->number, known->second);
      }
      oracle[address] = step;
    } else {
      const auto taken = live.take(address);
      ASSERT_EQ(taken.has_value(), known != oracle.end());
      if (!taken) continue;
      ASSERT_EQ(taken->number, known->second);
      oracle.erase(known);
    }
    ASSERT_EQ(live.size(), oracle.size());
  }
  for (const auto& [address, number] : oracle) {
    const auto taken = live.take(address);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->number, number);
  }
  EXPECT_EQ(live.size(), 0U);
}

}  // namespace
}  // namespace basalt::record
