// What a few measurements say, and what they do not.
#include <gtest/gtest.h>

#include "basalt/console.hpp"
#include "replay/figures.hpp"

namespace basalt {
namespace {

TEST(Figures, MedianOfFewAndMany) {
  EXPECT_EQ(replay::median({3}), 3);
  EXPECT_EQ(replay::median({5, 1, 3}), 3);
  EXPECT_EQ(replay::median({4, 1, 3, 2}), 2.5);
}

TEST(Figures, ARatioThatIsClearExcludesOne) {
  const std::vector<double> slow{20, 21, 20.5, 20.2, 20.8}, fast{10, 10.1, 10.3, 9.9, 10.2};
  const replay::Interval found = replay::ratio({slow, {}}, {fast, {}});
  EXPECT_GT(found.low, 1.9);
  EXPECT_LT(found.high, 2.2);
  EXPECT_LE(found.low, found.middle);
  EXPECT_LE(found.middle, found.high);
}

TEST(Figures, ARatioThatIsNoiseIncludesOne) {
  const std::vector<double> a{10, 14, 9, 12, 11}, b{11, 9, 13, 10, 12};
  const replay::Interval found = replay::ratio({a, {}}, {b, {}});
  EXPECT_LT(found.low, 1);
  EXPECT_GT(found.high, 1);
}

TEST(Figures, TheSameValuesGiveTheSameInterval) {
  const std::vector<double> values{1, 2, 3, 4, 5};
  EXPECT_EQ(replay::spread({values, {}}).low, replay::spread({values, {}}).low);
  EXPECT_EQ(replay::spread({{7}, {}}).low, 7);
  EXPECT_EQ(replay::spread({{7}, {}}).high, 7);
}

TEST(Figures, ThePlayersOwnTimeIsTakenAwayWithItsUncertainty) {
  const std::vector<double> rounds{100, 101, 99, 100, 102}, steady{40, 40, 40}, wild{20, 40, 80};
  EXPECT_EQ(replay::spread({rounds, steady}).middle, 60);
  EXPECT_LE(replay::spread({rounds, steady}).high, 62);
  EXPECT_EQ(replay::spread({rounds, wild}).middle, 60);
  EXPECT_LE(replay::spread({rounds, wild}).low, 22);
  EXPECT_GE(replay::spread({rounds, wild}).high, 79);
  const replay::Interval same = replay::ratio({rounds, wild}, {rounds, wild});
  EXPECT_EQ(same.low, 1);  // it is one time of one player, however uncertain
  EXPECT_EQ(same.high, 1);
}

TEST(Figures, RoundsOfWhichNothingRemainsAreCounted) {
  const replay::Times times{{50, 39, 40, 41}, {10, 40, 90}};
  EXPECT_EQ(times.swallowed(), 2U);
  EXPECT_EQ(times.net(), (std::vector<double>{10, 0, 0, 1}));
  EXPECT_EQ((replay::Times{{3, 4}, {}}).swallowed(), 0U);
}

TEST(Console, SizesAsPeopleWriteThem) {
  EXPECT_EQ(tool::parse_bytes("4096"), 4096U);
  EXPECT_EQ(tool::parse_bytes("64K"), 65536U);
  EXPECT_EQ(tool::parse_bytes("1.5GiB"), 1610612736U);
  EXPECT_EQ(tool::parse_bytes("2MB"), 2097152U);
  for (const char* const wrong : {"", "x", "-1", "5X", "1KK", "1e300"})
    EXPECT_THROW((void)tool::parse_bytes(wrong), tool::UserError) << wrong;
}

TEST(Console, SizesAndTimesAsPeopleReadThem) {
  EXPECT_EQ(tool::bytes_text(0), "0 B");
  EXPECT_EQ(tool::bytes_text(1023), "1023 B");
  EXPECT_EQ(tool::bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(tool::bytes_text(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(tool::count_text(9999), "9999");
  EXPECT_EQ(tool::count_text(12'400'000), "12.4 M");
  EXPECT_EQ(tool::time_text(3.14159), "3.14 ns");
  EXPECT_EQ(tool::time_text(12'345), "12.3 µs");
  EXPECT_EQ(tool::time_text(90e9), "90.0 s");
}

TEST(Console, WordsAsAShellWantsThem) {
  EXPECT_EQ(tool::shell_text({"ls", "-l", "a b", "it's", ""}), "ls -l 'a b' 'it'\\''s' ''");
}

}  // namespace
}  // namespace basalt
