#include "observe/statistics_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace basalt::observe {
namespace {

engine::Statistics example() {
  engine::Statistics now;
  now.of_class[1] = {.spans = 1, .bytes = 16'384, .live = 16'000, .free = 256, .cached = 96, .remote = 32};
  now.spans = now.of_class[1];
  now.large = 65'536;
  now.clean = 4'000'000;
  now.metadata = 1'000;
  now.mapped = now.spans.bytes + now.large + now.clean + now.metadata;
  now.heaps = 1;
  now.idle_bound = 32 * MiB;
  now.rounding_sampled = 77;
  return now;
}

std::string json() {
  const engine::Statistics now = example();
  char buffer[4096];
  BufferText text{buffer, sizeof buffer};
  write_json(text, "basalt", now, [&](auto&& visit) { visit(1, now.spans); });
  EXPECT_LT(text.finish(), sizeof buffer);
  return buffer;
}

std::string open_metrics() {
  const engine::Statistics now = example();
  char buffer[8192];
  BufferText text{buffer, sizeof buffer};
  write_open_metrics(text, now, [&](auto&& visit) { visit(1, now.spans); });
  EXPECT_LT(text.finish(), sizeof buffer);
  return buffer;
}

TEST(StatisticsText, TheExampleKeepsTheLaw) { EXPECT_EQ(example().broken_law(), nullptr); }

TEST(StatisticsText, Json) {
  EXPECT_EQ(
      json(),
      "{\"schema\":1,\"allocator\":\"basalt\",\"unit\":\"bytes\",\"mapped\":4082920,\"sums_to_mapped\":{"
      "\"live_slots\":16000,\"live_large\":65536,\"live_huge\":0,\"live_guarded\":0,\"free_in_spans\":256,"
      "\"cached\":96,"
      "\"remote\":32,\"tails\":0,\"dirty\":0,\"clean\":4000000,\"metadata\":1000},"
      "\"idle_bound\":33554432,\"estimates\":{\"rounding_in_live_slots_sampled\":77},"
      "\"classes\":[{\"slot\":16,\"spans\":1,\"bytes\":16384,\"live\":16000,\"free\":256,\"cached\":96,"
      "\"remote\":32,\"tails\":0,\"holes\":0}],"
      "\"heaps\":[{\"heap\":1,\"spans\":1,\"bytes\":16384,\"live\":16000,\"free\":256,\"cached\":96,"
      "\"remote\":32,\"tails\":0,\"holes\":0}]}");
}

TEST(StatisticsText, OpenMetrics) {
  const std::string text = open_metrics();
  EXPECT_NE(text.find("# TYPE basalt_memory_bytes gauge\n# UNIT basalt_memory_bytes bytes\n"),
            std::string::npos);
  EXPECT_NE(text.find("\nbasalt_memory_bytes{state=\"live_large\"} 65536\n"), std::string::npos);
  EXPECT_NE(text.find("\nbasalt_idle_bound_bytes 33554432\n"), std::string::npos);
  EXPECT_NE(text.find("\nbasalt_class_bytes{slot=\"16\",state=\"cached\"} 96\n"), std::string::npos);
  EXPECT_NE(text.find("\nbasalt_heap_bytes{heap=\"1\",state=\"remote\"} 32\n"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 6), "# EOF\n");
}

TEST(StatisticsText, ABrokenSumIsNamed) {
  engine::Statistics now = example();
  now.dirty += 1;
  EXPECT_STREQ(now.broken_law(),
               "every mapped byte is in spans, large, huge, guarded, dirty, clean or metadata");
  now = example();
  now.of_class[1].cached += 16;
  EXPECT_STREQ(now.broken_law(), "the slots of a class are live, free, cached, remote or tails");
  now = example();
  now.of_class[2] = {.spans = 1, .bytes = 32, .live = 32};
  EXPECT_STREQ(now.broken_law(), "the classes sum to all spans");
}

TEST(BufferText, CountsWhatDoesNotFitAndEndsWhatDoes) {
  char buffer[4] = {'x', 'x', 'x', 'x'};
  BufferText text{buffer, sizeof buffer};
  text << "ab" << std::size_t{1234};
  EXPECT_EQ(text.finish(), 6U);
  EXPECT_STREQ(buffer, "ab1");
  EXPECT_EQ((BufferText{nullptr, 0} << "abc").finish(), 3U);
}

}  // namespace
}  // namespace basalt::observe
