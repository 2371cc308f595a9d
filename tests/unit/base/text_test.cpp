#include "base/text.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <string>

namespace basalt {
namespace {

std::string string(const Text& text) { return {text.data(), text.size()}; }

TEST(Text, JoinsWordsNumbersAndPointers) {
  const void* const pointer = reinterpret_cast<const void*>(std::uintptr_t{0xbadc0de});
  EXPECT_EQ(string(Text{} << "at " << pointer << ", " << std::size_t{64} << " bytes, error " << -1),
            "at 0xbadc0de, 64 bytes, error -1");
}

TEST(Text, WritesTheExtremes) {
  EXPECT_EQ(string(Text{} << std::size_t{0}), "0");
  EXPECT_EQ(string(Text{} << SIZE_MAX), std::to_string(SIZE_MAX));
  EXPECT_EQ(string(Text{} << INT_MIN), std::to_string(INT_MIN));
  EXPECT_EQ(string(Text{} << INT_MAX), std::to_string(INT_MAX));
  EXPECT_EQ(string(Text{} << static_cast<const void*>(nullptr)), "0x0");
}

TEST(Text, DropsWhatDoesNotFit) {
  Text text;
  for (int i = 0; i < 100; ++i) text << "0123456789";
  EXPECT_EQ(text.size(), Text::capacity);
  text << "more";
  EXPECT_EQ(text.size(), Text::capacity);
  EXPECT_EQ(string(text).substr(500), "012345678901");
}

}  // namespace
}  // namespace basalt
