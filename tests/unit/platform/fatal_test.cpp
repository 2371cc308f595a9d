#include "platform/fatal.hpp"

#include <gtest/gtest.h>

#include "platform/backoff.hpp"
#include "platform/start.hpp"

namespace basalt {
namespace {

TEST(FatalDeathTest, SaysItsSentenceAndAborts) {
  EXPECT_EXIT(fatal(Text{} << "basalt: block " << std::size_t{7} << " is gone"),
              testing::KilledBySignal(SIGABRT), "^basalt: block 7 is gone\n");
}

TEST(Warn, SaysItsSentenceAndGoesOn) {
  testing::internal::CaptureStderr();
  warn(Text{} << "basalt: that was odd");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "basalt: that was odd\n");
}

TEST(Warn, KeepsTheLineEndOfASentenceThatIsTooLong) {
  Text sentence;
  for (int i = 0; i < 200; ++i) sentence << "long ";
  testing::internal::CaptureStderr();
  warn(sentence);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_EQ(said.size(), Text::capacity);
  EXPECT_EQ(said.back(), '\n');
}

TEST(Relocated, IsTrueOnceTheProgramRuns) { EXPECT_TRUE(relocated()); }

TEST(Backoff, MayPauseForAsLongAsItTakes) {
  Backoff backoff;
  for (int i = 0; i < 1000; ++i) backoff.pause();
}

}  // namespace
}  // namespace basalt
