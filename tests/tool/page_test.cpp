// What is drawn is what was meant: as long, as wide and in as many looks.
#include "basalt/page.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>
#include <vector>

namespace basalt::tool {
namespace {

[[nodiscard]] std::vector<std::string> all_of(const std::string& html, const std::string& pattern) {
  const std::regex expression{pattern};
  std::vector<std::string> found;
  for (std::sregex_iterator at{html.begin(), html.end(), expression}, end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

[[nodiscard]] std::string text_of(double value) { return fmt::format("{}", value); }

TEST(Page, TenCurvesHaveTenLooks) {
  std::vector<Curve> curves;
  for (int i = 0; i != 10; ++i) curves.push_back({fmt::format("<{}>", i), {{0, 1}, {10, 2.0 + i}}});
  const std::string html = curves_html(curves, "events", text_of, text_of);
  const auto lines = all_of(html, "<polyline (style=\"[^\"]*\" class=\"[^\"]*\")");
  EXPECT_EQ(lines.size(), 10U);
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), 10U);
  EXPECT_EQ(all_of(html, "<line (style=\"[^\"]*\" class=\"[^\"]*\")").size(), 10U) << "the legend";
  EXPECT_NE(html.find("&lt;9&gt;"), std::string::npos);
}

TEST(Page, AxesHaveStepsThatCanBeRead) {
  const std::string html = curves_html({{"a", {{0, 0}, {1'800'000, 5000}}}}, "events", text_of, text_of);
  EXPECT_EQ(all_of(html, "class=\"y\"[^>]*>([0-9]+)<"), (std::vector<std::string>{"0", "2048", "4096"}));
  EXPECT_EQ(all_of(html, "class=\"x\"[^>]*>([0-9]+)<"),
            (std::vector<std::string>{"0", "500000", "1000000", "1500000"}));
  EXPECT_EQ(all_of(html, "class=\"name\">([a-z]+)<"), std::vector<std::string>{"events"});
}

TEST(Page, ACurveReachesTheTopAtItsPeak) {
  const std::string html = curves_html({{"a", {{0, 0}, {5, 103}, {10, 0}}}}, "events", text_of, text_of);
  EXPECT_EQ(all_of(html, "points=\"([^\"]*)\""),
            std::vector<std::string>{"0.00,100.00 50.00,2.91 100.00,100.00 "});
}

TEST(Page, BarsAreAsLongAsTheyAreWorth) {
  const std::string html =
      bars_html({{"a", 10, 10, 10, "ten"}, {"b", 40, 30, 50, "forty"}, {"c", 0, 0, 0, "none"}});
  EXPECT_EQ(all_of(html, "--w:([0-9.]+)"), (std::vector<std::string>{"0.2000", "1.0000", "0.0000"}));
  EXPECT_EQ(all_of(html, "<i style=\"width:([0-9.]+)"),
            (std::vector<std::string>{"100.00", "80.00", "0.00"}));
  EXPECT_EQ(all_of(html, "<b style=\"([^\"]*)"), std::vector<std::string>{"left:60.00%;width:40.00%"});
  EXPECT_EQ(html.find("→"), std::string::npos);
}

TEST(Page, ABarThatIsTooLongIsCutAndSaysSo) {
  const std::string html = bars_html({{"a", 1, 1, 1, "one"}, {"b", 1000, 900, 1100, "many"}}, 8);
  EXPECT_EQ(all_of(html, "--w:([0-9.]+)"), (std::vector<std::string>{"0.1250", "1.0000"}));
  EXPECT_EQ(all_of(html, "<em>([^<]*)"), (std::vector<std::string>{"one", "→ many"}));
}

TEST(Page, BoxesStandOnTheirCallers) {
  const std::string html = flame_html({"all", 100, {{"f", 60, {{"g", 15, {}}}}, {"h<>", 40, {}}}}, text_of);
  EXPECT_EQ(all_of(html, "<div style=\"(left:[^;]*;width:[^;]*;bottom:[^;]*);"),
            (std::vector<std::string>{
                "left:0.00000%;width:100.00000%;bottom:0px", "left:0.00000%;width:60.00000%;bottom:18px",
                "left:0.00000%;width:15.00000%;bottom:36px", "left:60.00000%;width:40.00000%;bottom:18px"}));
  EXPECT_NE(html.find("title=\"h&lt;&gt;\n40, 40.0 %\""), std::string::npos) << html;
  EXPECT_NE(html.find("height:54px"), std::string::npos);
}

// So many stacks side by side, each so deep, and each a little wider than the one before or all of one width.
[[nodiscard]] Flame forest(int stacks, int depth, double wider) {
  Flame root{"all", 0, {}};
  for (int i = 0; i != stacks; ++i) {
    const double value = 1 + wider * i;
    Flame stack{"f", value, {}};
    for (int row = 1; row < depth; ++row) {
      Flame below{"f", value, {}};
      below.above.push_back(std::move(stack));
      stack = std::move(below);
    }
    root.above.push_back(std::move(stack));
    root.value += value;
  }
  return root;
}

[[nodiscard]] std::size_t boxes_in(const Flame& root) {
  return all_of(flame_html(root, text_of), "(bottom:)").size();
}

TEST(Page, AFlameGraphOfManyStacksStaysSmall) {
  EXPECT_EQ(boxes_in(forest(70, 50, 0)), 3501U) << "all of few";
  EXPECT_EQ(boxes_in(forest(100, 50, 0)), 5001U) << "none is less than another";
  EXPECT_EQ(boxes_in(forest(300, 50, 0)), 8000U) << "there is an end to it";
  const std::size_t of_many = boxes_in(forest(300, 50, 0.1));
  EXPECT_TRUE(of_many > 3900 && of_many < 4100) << "the widest of many: " << of_many;
}

}  // namespace
}  // namespace basalt::tool
