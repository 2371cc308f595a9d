// An account adds up to what the kernel says, whatever the heap says.
#include "account/account.hpp"

#include <gtest/gtest.h>

namespace basalt::account {
namespace {

const std::string smaps =
    "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \nRss:                4096 kB\n"
    "7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \nRss:                   8 kB\n"
    "7f2000000000-7f2000001000 r-xp 00001000 08:01 12 /usr/lib/with a space.so\nRss:                  12 kB\n"
    "7f2000001000-7f2000002000 r--p 00002000 08:01 12 /usr/lib/with a space.so\nRss:                   4 kB\n"
    "7ffe00000000-7ffe00001000 rw-p 00000000 00:00 0                          [stack]\nRss:                  "
    "16 kB\n"
    "ours 7f0000000000\n";

[[nodiscard]] std::string statistics(int live, int dirty) {
  return R"({"sums_to_mapped":{"live_slots":)" + std::to_string(live) +
         R"(,"live_large":0,"live_huge":0,"live_guarded":0,"free_in_spans":1000,"cached":24,"remote":0,"tails":0,"dirty":)" +
         std::to_string(dirty) +
         R"(,"clean":9,"metadata":9},"estimates":{"rounding_in_live_slots_sampled":77}})";
}

[[nodiscard]] std::int64_t sum(const std::vector<Step>& steps) {
  std::int64_t all = 0;
  for (const Step& step : steps) all += step.bytes;
  return all;
}

TEST(Account, AddsUpWhateverTheHeapSays) {
  for (const auto& [live, dirty] : {std::pair{1'000'000, 0}, {9'000'000, 500'000}}) {
    const auto account = read(smaps + statistics(live, dirty));
    ASSERT_TRUE(account);
    EXPECT_EQ(account->resident, 4136U * 1024);
    EXPECT_EQ(account->heap_resident, 4096U * 1024);
    EXPECT_EQ(sum(account->heap), 4096 * 1024);
    EXPECT_EQ(sum(account->heap) + sum(account->others), 4136 * 1024);
    EXPECT_EQ(account->rounding, 77U);
    EXPECT_EQ(account->others.front().bytes, 16 * 1024);
    EXPECT_EQ(account->others.size(), 3U);
  }
}

TEST(Account, WhatDescribesTheHeapIsTakenOffWhereItLies) {
  const auto without = read(smaps + statistics(1'000'000, 0));
  const auto account =
      read(smaps + "table 7f1000000000 4096\ntable 7f0000100000 8192\n" + statistics(1'000'000, 0));
  ASSERT_TRUE(account && without);
  EXPECT_EQ(account->resident, without->resident);
  EXPECT_EQ(account->heap_resident, 4088U * 1024);
  EXPECT_EQ(account->others.front().bytes, 12'288);
  EXPECT_EQ(sum(account->heap) + sum(account->others), 4136 * 1024);
  EXPECT_EQ(without->others.front().bytes, 16 * 1024) << "of a heap that does not say";
}

TEST(Account, MoreThanAMappingHasIsNotTakenOffIt) {
  const auto account = read(smaps + "table 7f1000000000 40960\n" + statistics(1'000'000, 0));
  ASSERT_TRUE(account);
  EXPECT_EQ(account->others.front().bytes, 8192);
  EXPECT_EQ(sum(account->heap) + sum(account->others), 4136 * 1024);
}

TEST(Account, CausesAreNotWhatTheProgramHolds) {
  const auto account = read(smaps + statistics(1'000'000, 900'000));
  ASSERT_TRUE(account);
  ASSERT_EQ(account->causes().size(), 3U);
  EXPECT_NE(account->causes()[0].name, "live blocks");
  EXPECT_GE(account->causes()[0].bytes, account->causes()[1].bytes);
}

TEST(Account, OneThatIsNotWholeIsNone) {
  EXPECT_FALSE(read(""));
  EXPECT_FALSE(read(smaps));
  EXPECT_FALSE(read("{\"a\":1}"));
  EXPECT_FALSE(read(smaps + "{\"sums"));
}

}  // namespace
}  // namespace basalt::account
