// The table of the options, and what is read, set and printed by it.

#include "engine/options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/buffer_text.hpp"

namespace basalt::engine {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

const Option& named(const char* name) { return *find_option(name); }

std::string value_text(const char* name, std::size_t value) {
  Text text;
  write_value(text, named(name), value);
  return {text.data(), text.size()};
}

std::string form_text(const char* name) {
  Text text;
  write_form(text, named(name));
  return {text.data(), text.size()};
}

TEST(Options, AreFoundByTheirWholeNameInAnyCase) {
  EXPECT_STREQ(named("keep").name, "keep");
  EXPECT_STREQ(named("KEEP_PERCENT").name, "keep_percent");
  EXPECT_STREQ(find_option("KEEP=64M", "=")->name, "keep");
  EXPECT_EQ(find_option("KEEP=64M"), nullptr);
  for (const char* const none : {"", "kee", "keeps", "keep ", "=", "|"})
    EXPECT_EQ(find_option(none), nullptr);
}

TEST(Options, TakeASamplingAsARateAndPerhapsSlots) {
  const auto sampling = [](const char* text) { return parse(named("guard"), text); };
  const auto word = [](std::uint32_t rate, std::uint32_t slots) {
    return guard::Sampling{rate, slots}.word();
  };
  EXPECT_EQ(sampling("off").value, guard::Sampling::off);
  EXPECT_EQ(sampling("on").value, word(10'000, 64));
  EXPECT_EQ(sampling("1").value, word(1, 64));
  EXPECT_EQ(sampling("500:4096").value, word(500, 4096));
  for (const char* const good : {"off", "ON", "1", "1000000000", "7:1"})
    EXPECT_TRUE(sampling(good).ok) << good;
  for (const char* const bad : {"", "0", "1000000001", "5:", "5:0", "5:4097", ":5", "5:6:7", "-1", "5 ", "5k",
                                "99999999999999999999"})
    EXPECT_FALSE(sampling(bad).ok) << bad;
  EXPECT_EQ(value_text("guard", word(500, 32)), "500:32");
  EXPECT_EQ(value_text("guard", 0), "off");
  EXPECT_EQ(form_text("guard"), "off, on, N or N:SLOTS");
}

TEST(Options, TakeSizesInBytesAndWithUnits) {
  const auto size = [](const char* text) { return parse(named("keep"), text); };
  EXPECT_TRUE(size("0").ok && size("0").value == 0);
  EXPECT_EQ(size("12345").value, 12345U);
  EXPECT_EQ(size("64k").value, 64 * KiB);
  EXPECT_EQ(size("64M").value, 64 * MiB);
  EXPECT_EQ(size("3g").value, 3 * GiB);
  for (const char* const bad : {"", "M", "-1", "+1", " 1", "1 ", "1MB", "1.5G", "0x10", "none",
                                "99999999999999999999", "18446744073709551615", "17179869184G"}) {
    EXPECT_FALSE(size(bad).ok) << bad;
  }
}

TEST(Options, TakeNoneWhereThereMayBeNoLimit) {
  EXPECT_EQ(parse(named("hard_limit"), "None").value, unlimited);
  EXPECT_EQ(parse(named("soft_limit"), "1M").value, MiB);
  EXPECT_FALSE(parse(named("hard_limit"), "1K").ok) << "below the least";
  EXPECT_FALSE(parse(named("hard_limit"), "non").ok);
}

TEST(Options, TakePercentagesAndWords) {
  EXPECT_EQ(parse(named("keep_percent"), "100").value, 100U);
  EXPECT_FALSE(parse(named("keep_percent"), "101").ok);
  EXPECT_FALSE(parse(named("keep_percent"), "1K").ok);
  EXPECT_EQ(parse(named("profile"), "throughput").value, 2U);
  EXPECT_TRUE(parse(named("profile"), "SMALL").ok);
  EXPECT_EQ(parse(named("container"), "off").value, 0U);
  for (const char* const bad : {"", "balance", "balanced|throughput", "|", "1"}) {
    EXPECT_FALSE(parse(named("profile"), bad).ok) << bad;
  }
}

TEST(Options, AreSetEachByItself) {
  Policy policy;
  apply(policy, named("keep"), 5);
  apply(policy, named("hard_limit"), 7 * MiB);
  EXPECT_EQ(policy.keep.load(relaxed), 5U);
  EXPECT_EQ(policy.hard_limit.load(relaxed), 7 * MiB);
  EXPECT_EQ(policy.cache.load(relaxed), 64 * KiB);
}

TEST(Options, AProfileSetsWhatProfilesDifferIn) {
  Policy policy;
  apply(policy, named("hard_limit"), 7 * MiB);
  apply(policy, named("profile"), 0);
  EXPECT_EQ(policy.profile.load(relaxed), 0U);
  EXPECT_EQ(policy.cache.load(relaxed), 16 * KiB);
  EXPECT_EQ(policy.keep.load(relaxed), 4 * MiB);
  EXPECT_EQ(policy.keep_percent.load(relaxed), 5U);
  EXPECT_EQ(policy.hard_limit.load(relaxed), 7 * MiB) << "no profile has a say in this";
  apply(policy, named("profile"), 2);
  EXPECT_EQ(policy.cache.load(relaxed), 256 * KiB);
}

TEST(Options, WhatAPolicyBeginsAsIsTheProfileBalanced) {
  const Policy policy;
  for (const Option& option : options) {
    if (option.setting == nullptr) continue;
    EXPECT_EQ(value_of(policy, option), option.defaults[1]) << option.name;
    for (const std::size_t value : option.defaults) {
      EXPECT_TRUE(value >= option.least && value <= option.most) << option.name;
    }
  }
}

TEST(Options, WhatIsPrintedCanBeTyped) {
  for (const Option& option : options) {
    for (const std::size_t value : option.defaults) {
      if (option.setting == nullptr) continue;
      const Parsed again = parse(option, value_text(option.name, value).c_str());
      EXPECT_TRUE(again.ok && again.value == value) << option.name;
    }
  }
  EXPECT_EQ(value_text("keep", 0), "0");
  EXPECT_EQ(value_text("keep", 1000), "1000");
  EXPECT_EQ(value_text("keep", 1536 * KiB), "1536K");
  EXPECT_EQ(value_text("keep", 2 * GiB), "2G");
  EXPECT_EQ(value_text("hard_limit", unlimited), "none");
}

TEST(Options, SayWhatTheyTake) {
  EXPECT_EQ(form_text("profile"), "small, balanced or throughput");
  EXPECT_EQ(form_text("cache"), "4K to 256K");
  EXPECT_EQ(form_text("keep"), "0 and more");
  EXPECT_EQ(form_text("hard_limit"), "1M and more, or none");
  EXPECT_EQ(form_text("stats"), "FILE");
}

TEST(Options, ABadValueIsRefusedInOneSentence) {
  const auto sentence = [](const char* name, const char* value) {
    const Text text = refusal(named(name), value);
    return std::string{text.data(), text.size()};
  };
  EXPECT_EQ(sentence("cache", "lots"),
            "basalt: the option cache cannot be \"lots\": it takes 4K to 256K; it stays as it is");
  EXPECT_EQ(sentence("profile", "a\nb"),
            "basalt: the option profile cannot be \"a?b\": it takes small, balanced or throughput; it stays "
            "as it is");
  EXPECT_LT(sentence("keep", std::string(1000, 'x').c_str()).size(), 200U);
}

TEST(Options, HaveARowEachThatFitsInAText) {
  for (const Option& option : options) {
    Text row;
    write_row(row, option);
    const std::string text{row.data(), row.size()};
    EXPECT_EQ(text.back(), '\n') << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '|'), 7) << text;
  }
}

}  // namespace
}  // namespace basalt::engine
