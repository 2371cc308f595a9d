// One pass over a trace, against what its program is known to have done.
#include "analysis/analysis.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "symbols/symbols.hpp"
#include "trace/writer.hpp"

namespace basalt::analysis {
namespace {

using trace::Event;
using trace::Op;

class AnalysisTest : public testing::Test {
 protected:
  ~AnalysisTest() override { std::filesystem::remove(path_); }

  std::uint64_t allocate(std::uint64_t size, std::uint32_t stack, std::uint32_t thread = 0,
                         std::uint64_t pointer = 0) {
    Event event;
    event.size = size, event.stack = stack, event.thread = thread, event.pointer = pointer,
    event.time = time_ += 1000;
    sizes_.push_back(size);
    return writer_.append(event);
  }
  void free(std::uint64_t block, std::uint32_t thread = 0) {
    Event event;
    event.op = Op::free;
    event.ended = block, event.thread = thread, event.time = time_ += 1000;
    writer_.append(event, sizes_[block]);
  }
  trace::Reader read() {
    writer_.add(std::vector<trace::Call>{{0, 0x1000}, {1, 0x2000}, {1, 0x3000}});
    writer_.finish(trace::Ending::complete);
    return trace::Reader{trace::open_file(path_)};
  }

  std::string path_ = testing::TempDir() + "analysis-" + std::to_string(::getpid());
  trace::Writer writer_{path_, {{"prog"}, "test", 1, {true, true, true}}};
  std::vector<std::uint64_t> sizes_;
  std::uint64_t time_ = 0;
};

TEST_F(AnalysisTest, AmountsAtThePeakAndAtTheEnd) {
  const auto a = allocate(1000, 2), b = allocate(500, 3);
  free(a);
  allocate(100, 2);
  auto reader = read();
  EXPECT_EQ(peak_event(reader), 1U);
  const Findings found = analyse(reader, 1, [](std::uint64_t) {});
  EXPECT_EQ(found.chosen.bytes, 1500U);
  EXPECT_EQ(found.sites[2].chosen.bytes, 1000U);
  EXPECT_EQ(found.sites[3].chosen.bytes, 500U);
  EXPECT_EQ(found.sites[2].left.bytes, 100U);
  EXPECT_EQ(found.left.count, 2U);
  EXPECT_EQ(found.allocated.bytes, 1600U);
  (void)b;
}

TEST_F(AnalysisTest, TemporaryIsWhatGoesBeforeAnythingElseComes) {
  free(allocate(10, 2));  // temporary
  const auto a = allocate(10, 2);
  const auto b = allocate(20, 3);
  free(b);                      // temporary
  free(a);                      // not: b came in between
  free(allocate(10, 2, 1), 1);  // temporary, in another thread
  auto reader = read();
  const Findings found = analyse(reader, 0, [](std::uint64_t) {});
  EXPECT_EQ(found.temporary.count, 3U);
  EXPECT_EQ(found.brief.count, 4U);
}

TEST_F(AnalysisTest, ABlockThatIsReplacedByALargerOneHasGrown) {
  auto old = allocate(16, 2);
  for (std::uint64_t size = 32; size <= 1024; size *= 2) {
    const auto fresh = allocate(size, 2);
    free(old);
    old = fresh;
  }
  const auto other = allocate(5000, 3);  // larger, but of another place
  free(old);
  free(other);
  auto reader = read();
  const Findings found = analyse(reader, 0, [](std::uint64_t) {});
  EXPECT_EQ(found.sites[2].steps, 6U);
  EXPECT_EQ(found.sites[2].longest_steps, 6U);
  EXPECT_EQ(found.sites[3].steps, 0U);
}

TEST_F(AnalysisTest, TheCurveLeavesNoPeakOut) {
  for (int i = 0; i != 3000; ++i) (void)allocate(10, 2);
  free(allocate(1'000'000, 3));
  for (int i = 0; i != 3000; ++i) (void)allocate(10, 2);
  auto reader = read();
  const Findings found = analyse(reader, 0, [](std::uint64_t) {});
  EXPECT_LE(found.curve.size(), 850U);
  const auto highest = std::max_element(found.curve.begin(), found.curve.end(),
                                        [](const Point& a, const Point& b) { return a.bytes < b.bytes; });
  EXPECT_EQ(highest->bytes, 1'030'000U);
  EXPECT_EQ(highest->event, peak_event(reader));
  EXPECT_TRUE(std::is_sorted(found.curve.begin(), found.curve.end(),
                             [](const Point& a, const Point& b) { return a.event < b.event; }));
}

TEST_F(AnalysisTest, ThreadsThatFreeForOthers) {
  const auto a = allocate(10, 2, 0), b = allocate(20, 2, 0), c = allocate(30, 2, 1);
  free(a, 1), free(b, 0), free(c, 1);
  auto reader = read();
  const Findings found = analyse(reader, 0, [](std::uint64_t) {});
  EXPECT_EQ((found.threads.at({0, 1}).bytes), 10U);
  EXPECT_EQ((found.threads.at({0, 0}).bytes), 20U);
  EXPECT_EQ((found.threads.at({1, 1}).bytes), 30U);
}

TEST_F(AnalysisTest, WhoPinsAPage) {
  allocate(100, 2, 0, 0x10000);  // alone on its page
  allocate(100, 2, 0, 0x11000);  // with another place's
  allocate(100, 3, 0, 0x11100);
  allocate(4096, 3, 0, 0x12000);  // fills its page
  auto reader = read();
  const Findings found = analyse(reader, 3, [](std::uint64_t) {});
  EXPECT_TRUE(found.fragmentation.known);
  EXPECT_EQ(found.fragmentation.pages, 3U);
  EXPECT_EQ(found.fragmentation.sparse_pages, 2U);
  EXPECT_EQ(found.fragmentation.bytes_on_sparse, 300U);
  EXPECT_EQ(found.sites[2].pinned.count, 1U);
  EXPECT_EQ(found.sites[3].pinned.count, 0U);
}

TEST_F(AnalysisTest, AnEventByItsTime) {
  for (int i = 0; i != 10; ++i) allocate(1, 2);  // at 1000, 2000, ...
  auto reader = read();
  EXPECT_EQ(event_at(reader, 0), 0U);
  EXPECT_EQ(event_at(reader, 3500), 2U);
  EXPECT_EQ(event_at(reader, 1'000'000), 9U);
}

TEST(Symbols, ACauseIsNotPlumbing) {
  using symbols::Frame;
  const std::vector<Frame> stack{{"operator new(unsigned long)", "", 0, false},
                                 {"std::vector<int>::push_back(int)", "", 0, true},
                                 {"void std::__do_it<int>(int*)", "", 0, true},
                                 {"Parser::parse(char const*)", "/src/parser.cpp", 12, false},
                                 {"main", "", 0, false}};
  EXPECT_EQ(symbols::text_of(symbols::cause(stack)), "Parser::parse(char const*) (parser.cpp:12)");
  EXPECT_EQ(symbols::cause({stack[0]}).function, "operator new(unsigned long)");
  EXPECT_FALSE(symbols::is_plumbing({"int standard(std::string)", "", 0, false}));
}

TEST(Symbols, NamesAreAsOneWouldWriteThem) {
  const std::string text = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  EXPECT_EQ(symbols::shortened("cut(" + text + " const&)"), "cut(std::string const&)");
  EXPECT_EQ(symbols::shortened("std::vector<" + text + ", std::allocator<" + text + " > >::push_back"),
            "std::vector<std::string>::push_back");
  EXPECT_EQ(symbols::shortened("f(std::vector<int, std::allocator<int>>, int)"), "f(std::vector<int>, int)");
  EXPECT_EQ(symbols::shortened(
                "std::map<int, long, std::less<int>, std::allocator<std::pair<int const, long> > >::at"),
            "std::map<int, long, std::less<int>>::at");
  const std::string base = "std::_Vector_base<char, std::allocator<char> >";
  EXPECT_EQ(symbols::shortened(base + "::_Vector_base(unsigned long, std::allocator<char> const&)"),
            "std::_Vector_base<char>::_Vector_base(unsigned long, std::allocator<char> const&)");
  EXPECT_EQ(symbols::shortened("broken<, std::allocator<"), "broken<, std::allocator<");
}

TEST(Symbols, AnAddressOfThisProgramHasItsName) {
  trace::Tables tables;
  symbols::Symbolizer nobody{tables};
  EXPECT_EQ(nobody.frames(0x1234).front().function, "0x1234");
}

}  // namespace
}  // namespace basalt::analysis
