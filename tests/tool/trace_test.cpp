// Traces: what was written is what is read, and what is damaged is read up to the damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/seed.hpp"
#include "trace/reader.hpp"
#include "trace/writer.hpp"

namespace basalt::trace {
namespace {

using test::Dice;

constexpr std::size_t several_blocks = 2 * events_per_block + 1234;

Header header_of(Columns columns) { return {{"./prog", "an \"argument\"\n"}, "the test", 4711, columns}; }

// A program of several threads, as random as the dice: what it does is consistent, and the sums are kept beside it.
class Program {
 public:
  Program(Dice& dice, Columns columns) : dice_{dice}, columns_{columns} {}

  // Effects: `count` events are in the file, and in `events`.
  void run(Writer& writer, std::size_t count) {
    for (std::size_t i = 0; i != count; ++i) step(writer);
  }

  std::vector<Event> events;
  Totals totals;

 private:
  struct Live {
    std::uint64_t block, size, pointer;
  };

  // Returns: where a block begins: often where the last one ended.
  std::uint64_t place() {
    if (!columns_.pointers) return 0;
    if (free_.empty() || dice_.one_in(3)) return dice_.size(47);
    const std::uint64_t last = free_.back();
    free_.pop_back();
    return last;
  }

  void step(Writer& writer) {
    Event event;
    event.op = static_cast<Op>(dice_.below(op_count));
    if (live_.empty() && ends_block(event.op)) event.op = Op::allocate;
    if (dice_.one_in(9)) thread_ = static_cast<std::uint32_t>(dice_.below(300));
    event.thread = thread_;
    if (columns_.stacks && begins_block(event.op))
      event.stack = static_cast<std::uint32_t>(dice_.below(5000));
    if (columns_.times) event.time = time_ += dice_.size(20) * time_unit;
    std::uint64_t ended_bytes = 0;
    if (ends_block(event.op)) {
      std::swap(live_[dice_.below(live_.size())], live_.back());
      event.ended = live_.back().block;
      ended_bytes = live_.back().size;
      event.pointer = live_.back().pointer;
      free_.push_back(live_.back().pointer);
      live_.pop_back();
    }
    if (event.op == Op::allocate_aligned) event.alignment_log2 = static_cast<std::uint8_t>(dice_.below(21));
    event.block = totals.blocks_begun;
    if (begins_block(event.op)) {
      event.size = dice_.one_in(1000) ? dice_.size(63) >> 20 : dice_.size(12);
      event.pointer = place();
      live_.push_back({totals.blocks_begun++, event.size, event.pointer});
    }
    if (event.op == Op::free_unknown && columns_.pointers) event.pointer = dice_.size(47);
    bytes_ += event.size - ended_bytes;
    totals.peak_bytes = std::max(totals.peak_bytes, bytes_);
    totals.unknown_frees += event.op == Op::free_unknown ? 1 : 0;
    ++totals.events;
    EXPECT_EQ(writer.append(event, ended_bytes), event.block);
    if (!begins_block(event.op)) event.block = 0;
    events.push_back(event);
  }

  Dice& dice_;
  Columns columns_;
  std::vector<Live> live_;
  std::vector<std::uint64_t> free_;  // places
  std::uint32_t thread_ = 0;
  std::uint64_t time_ = 0, bytes_ = 0;
};

std::string some_path() {
  const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = info->name();
  std::replace(name.begin(), name.end(), '/', '-');  // of a test with a parameter
  return testing::TempDir() + name + ".trace";
}

Bytes bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// A program's trace as bytes, which lie nowhere any more.
Bytes trace_of(Program& program, Columns columns, std::size_t count, Ending ending = Ending::complete) {
  const std::string path = some_path();
  Writer writer{path, header_of(columns)};
  program.run(writer, count);
  writer.finish(ending);
  EXPECT_EQ(writer.error(), "");
  EXPECT_EQ(writer.totals().peak_bytes, program.totals.peak_bytes);
  Bytes bytes = bytes_of(path);
  EXPECT_EQ(writer.bytes(), bytes.size());
  std::filesystem::remove(path);
  return bytes;
}

// Everything up to the first damage.
std::vector<Event> all_of(Reader& reader) {
  std::vector<Event> all, events;
  for (std::size_t i = 0; i != reader.blocks() && reader.read(i, events); ++i)
    all.insert(all.end(), events.begin(), events.end());
  return all;
}

bool is_prefix(const std::vector<Event>& part, const std::vector<Event>& all) {
  return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
}

class TraceColumns : public testing::TestWithParam<Columns> {};

TEST_P(TraceColumns, WhatIsWrittenIsRead) {
  Dice dice{test::seed()};
  Program program{dice, GetParam()};
  Reader reader{in_memory(trace_of(program, GetParam(), several_blocks, Ending::size_limit))};
  EXPECT_TRUE(reader.readable());
  EXPECT_EQ(reader.blocks(), 3U);
  EXPECT_TRUE(all_of(reader) == program.events);
  program.totals.ending = Ending::size_limit;
  EXPECT_EQ(reader.totals(), program.totals);
  EXPECT_EQ(reader.damage(), "");
  EXPECT_EQ(reader.header().command, header_of({}).command);
  EXPECT_EQ(reader.header().writer, "the test");
  EXPECT_EQ(reader.header().pid, 4711U);
  EXPECT_EQ(reader.header().columns, GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, TraceColumns,
                         testing::Values(Columns{false, false, false}, Columns{true, false, true},
                                         Columns{false, true, false}, Columns{true, true, true}));

TEST(Trace, EachBlockIsReadWithoutTheOthers) {
  Dice dice{test::seed()};
  Program program{dice, {true, true}};
  Reader reader{in_memory(trace_of(program, {true, true}, several_blocks))};
  ASSERT_EQ(reader.blocks(), 3U);
  std::vector<Event> events;
  for (const std::size_t block : {2U, 0U, 1U}) {
    ASSERT_TRUE(reader.read(block, events));
    const Summary& summary = reader.summary(block);
    ASSERT_EQ(events.size(), summary.events);
    const auto first = program.events.begin() + static_cast<std::ptrdiff_t>(summary.first_event);
    EXPECT_TRUE(std::equal(events.begin(), events.end(), first));
    EXPECT_EQ(summary.first_time, events.front().time);
    EXPECT_EQ(summary.last_time, events.back().time);
  }
}

// The law of the summaries, from the events alone.
TEST(Trace, SummariesTellWhatTheEventsAddUpTo) {
  Dice dice{test::seed()};
  Program program{dice, {}};
  Reader reader{in_memory(trace_of(program, {}, several_blocks))};
  std::vector<std::uint64_t> sizes;
  std::vector<Event> events;
  std::uint64_t bytes = 0, count = 0;
  for (std::size_t i = 0; i != reader.blocks(); ++i) {
    const Summary& summary = reader.summary(i);
    EXPECT_EQ(summary.first_block, sizes.size());
    EXPECT_EQ(summary.live_bytes, bytes);
    EXPECT_EQ(summary.live_blocks, count);
    std::uint64_t peak = bytes, unknown = 0;
    ASSERT_TRUE(reader.read(i, events));
    for (std::size_t k = 0; k != events.size(); ++k) {
      if (ends_block(events[k].op)) bytes -= sizes[events[k].ended], --count;
      if (begins_block(events[k].op)) sizes.push_back(events[k].size), bytes += events[k].size, ++count;
      if (events[k].op == Op::free_unknown) ++unknown;
      peak = std::max(peak, bytes);
      const bool is_peak = summary.first_event + k == summary.peak_event;
      if (is_peak && summary.peak_bytes != summary.live_bytes) {
        EXPECT_EQ(bytes, summary.peak_bytes);
      }
    }
    EXPECT_EQ(summary.peak_bytes, peak);
    EXPECT_EQ(summary.begun, sizes.size() - summary.first_block);
    EXPECT_EQ(summary.unknown_frees, unknown);
  }
}

TEST(Trace, AProgramThatDoesNothingHasATrace) {
  Dice dice{test::seed()};
  Program program{dice, {}};
  Reader reader{in_memory(trace_of(program, {}, 0))};
  EXPECT_TRUE(reader.readable());
  EXPECT_EQ(reader.blocks(), 0U);
  EXPECT_EQ(reader.totals(), Totals{});
  EXPECT_EQ(reader.damage(), "");
}

// Tables come before, between and after the blocks.
void write_with_tables(const std::string& path, bool finish) {
  Dice dice{test::seed()};
  Program program{dice, {false, false, true}};
  Writer writer{path, header_of({false, false, true})};
  const std::vector<Call> first{{0, 0x401000}, {1, 0x402000}};
  const std::vector<Call> second{{2, 0x401010}, {0, 0x7f0000001234}};
  writer.add(first);
  program.run(writer, events_per_block + 1);
  writer.add(second);
  writer.add(std::vector<Module>{{0x400000, 0x500000, 0x1000, "/bin/prog", "00ff"}});
  writer.flush();
  if (finish) writer.finish(Ending::complete);
}

TEST(Trace, StacksAndModulesComeBackWithOrWithoutAnEnd) {
  for (const bool finish : {true, false}) {
    const std::string path = some_path();
    write_with_tables(path, finish);
    Reader reader{open_file(path)};
    const Tables& tables = reader.tables();
    ASSERT_EQ(tables.calls.size(), 5U);
    EXPECT_EQ(tables.addresses(3), (std::vector<std::uint64_t>{0x401010, 0x402000, 0x401000}));
    EXPECT_EQ(tables.addresses(4), (std::vector<std::uint64_t>{0x7f0000001234}));
    EXPECT_TRUE(tables.addresses(0).empty());
    EXPECT_TRUE(tables.addresses(77).empty());
    ASSERT_NE(tables.module_of(0x401010), nullptr);
    EXPECT_EQ(*tables.module_of(0x401010), (Module{0x400000, 0x500000, 0x1000, "/bin/prog", "00ff"}));
    EXPECT_EQ(tables.module_of(0x500000), nullptr);
    EXPECT_EQ(reader.blocks(), 2U);
    EXPECT_EQ(all_of(reader).size(), events_per_block + 1);
    std::filesystem::remove(path);
  }
}

TEST(Trace, TablesThatMakeNoSenseAreRefused) {
  Tables tables;
  EXPECT_FALSE(
      add_calls(bytes_of(std::vector<Call>{{0, 1}}, 7), tables));  // there are none before the seventh
  EXPECT_FALSE(add_calls(bytes_of(std::vector<Call>{{1, 1}}, 1), tables));  // its own parent
  EXPECT_FALSE(add_calls(Bytes{1, 200, 1}, tables));
  EXPECT_FALSE(add_modules(Bytes{9, 1, 1}, tables));
  EXPECT_EQ(tables.calls.size(), 1U);
  EXPECT_TRUE(tables.modules.empty());
}

TEST(Trace, AnInterruptedRecordingIsReadUpToTheLastBlock) {
  Dice dice{test::seed()};
  Program program{dice, {}};
  const std::string path = some_path();
  {
    Writer writer{path, header_of({})};
    program.run(writer, events_per_block + 10);
    writer.flush();
  }
  Reader reader{open_file(path)};
  EXPECT_TRUE(all_of(reader) == program.events);
  EXPECT_EQ(reader.totals().ending, Ending::interrupted);
  EXPECT_EQ(reader.totals().events, program.totals.events);
  EXPECT_EQ(reader.totals().blocks_begun, program.totals.blocks_begun);
  EXPECT_EQ(reader.totals().peak_bytes, program.totals.peak_bytes);
  EXPECT_EQ(
      reader.damage(),
      "the trace has no end: the recording was interrupted, or the file was cut or damaged; its first " +
          std::to_string(events_per_block + 10) + " events can be read");
  std::filesystem::remove(path);
}

TEST(Trace, ACutFileIsReadUpToTheCut) {
  Dice dice{test::seed()};
  Program program{dice, {true, true}};
  const Bytes whole = trace_of(program, {true, true}, several_blocks);
  for (int i = 0; i != 60; ++i) {
    const std::size_t length = i < 30 ? whole.size() - 1 - dice.below(200) : dice.below(whole.size());
    Reader reader{in_memory({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)})};
    const std::vector<Event> events = all_of(reader);
    EXPECT_TRUE(is_prefix(events, program.events)) << length;
    EXPECT_NE(reader.damage(), "") << length;
    if (i < 30 && reader.blocks() == 3) {
      EXPECT_EQ(events.size(), program.events.size()) << length;
    }
  }
}

TEST(Trace, ADamagedFileIsReadUpToTheDamage) {
  Dice dice{test::seed()};
  Program program{dice, {}};
  const Bytes whole = trace_of(program, {}, several_blocks);
  for (int i = 0; i != 60; ++i) {
    Bytes damaged = whole;
    const std::size_t at = i < 20 ? dice.below(300) : dice.below(whole.size());
    damaged[at] ^= static_cast<std::uint8_t>(1 + dice.below(255));
    Reader reader{in_memory(damaged)};
    EXPECT_TRUE(is_prefix(all_of(reader), program.events)) << at;
    EXPECT_NE(reader.damage(), "") << at;
    EXPECT_EQ(reader.damage().find('\n'), std::string::npos);
  }
}

TEST(Trace, WhatIsNoTraceIsCalledSo) {
  Reader nothing{in_memory({})};
  EXPECT_FALSE(nothing.readable());
  EXPECT_EQ(nothing.damage(), "the file is not a Basalt trace");
  Reader other{in_memory(Bytes(10'000, 'x'))};
  EXPECT_EQ(other.damage(), "the file is not a Basalt trace");
  Reader missing{open_file(testing::TempDir() + "there/is/none")};
  EXPECT_EQ(missing.damage(), "the file cannot be opened");
}

TEST(Trace, AHeaderOfAnotherVersionIsRefused) {
  Header header;
  EXPECT_EQ(from_json(to_json(header_of({true, true})), header), "");
  EXPECT_EQ(from_json(R"({"format": "basalt trace", "version": 3})", header),
            "it is of another version of the format");
  EXPECT_EQ(
      from_json(R"({"version": 2, "writer": "x", "command": [], "pid": 1, "columns": ["mood"]})", header),
      "it has a column that this version does not know, mood");
  EXPECT_EQ(from_json(R"({"version": 2, "pid": "x"})", header), "its header lacks what a header has");
  EXPECT_EQ(from_json("[", header), "its header is not JSON");
}

TEST(Trace, AFullDiskIsReported) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full here";
  Dice dice{test::seed()};
  Program program{dice, {}};
  Writer writer{"/dev/full", header_of({})};
  program.run(writer, events_per_block + 1);
  writer.finish(Ending::complete);
  EXPECT_EQ(writer.error(), "No space left on device");
}

TEST(Trace, TheLimitOfTheFileIsNoticed) {
  Dice dice{test::seed()};
  Program program{dice, {}};
  const std::string path = some_path();
  Writer writer{path, header_of({}), 10'000};
  EXPECT_FALSE(writer.at_limit());
  program.run(writer, events_per_block);
  EXPECT_TRUE(writer.at_limit());
  std::filesystem::remove(path);
}

// Blocks that live briefly, of a few sizes, by one thread: what most programs do most of the time.
TEST(Trace, AnEventOfAnOrdinaryProgramTakesLessThanAByte) {
  Dice dice{test::seed()};
  const std::string path = some_path();
  Writer writer{path, header_of({})};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> live;
  for (std::size_t i = 0; i != several_blocks; ++i) {
    Event event;
    const bool frees = live.size() > 40 && dice.below(2) == 0;
    if (!frees) {
      event.size = dice.below(3) != 0 ? 32 : 16 + 8 * dice.below(12);
      live.emplace_back(writer.append(event), event.size);
      continue;
    }
    const auto last = live.end() - 1 - static_cast<std::ptrdiff_t>(dice.below(4));
    event.op = Op::free;
    event.ended = last->first;
    writer.append(event, last->second);
    live.erase(last);
  }
  writer.finish(Ending::complete);
  EXPECT_LT(static_cast<double>(writer.bytes()) / static_cast<double>(several_blocks), 1.0);
  std::filesystem::remove(path);
}

TEST(Trace, TimesAreWholeUnitsAndDoNotGoBack) {
  const std::string path = some_path();
  Writer writer{path, header_of({false, true})};
  for (const std::uint64_t time : {3 * time_unit + 7, 2 * time_unit, 3 * time_unit + 9, 5 * time_unit}) {
    Event event;
    event.time = time;
    writer.append(event);
  }
  writer.finish(Ending::complete);
  Reader reader{open_file(path)};
  std::vector<std::uint64_t> times;
  for (const Event& event : all_of(reader)) times.push_back(event.time / time_unit);
  EXPECT_EQ(times, (std::vector<std::uint64_t>{3, 3, 3, 5}));
  EXPECT_EQ(reader.summary(0).last_time, 5 * time_unit);
  std::filesystem::remove(path);
}

// Returns: how long the trace of an allocator that reuses what was freed last, as most do, for blocks of one size by two threads.
std::uint64_t bytes_of_reuse(Columns columns) {
  Dice dice{test::seed()};
  const std::string path = some_path();
  Writer writer{path, header_of(columns)};
  std::array<std::vector<std::uint64_t>, 2> free;  // of each thread
  std::vector<std::pair<std::uint64_t, std::uint64_t>> live;
  std::uint64_t fresh = 0x7f00'0000'0000;
  for (std::size_t i = 0; i != several_blocks; ++i) {
    Event event;
    event.thread = static_cast<std::uint32_t>(dice.below(2));
    event.size = 48;
    auto& shelf = free[event.thread];
    if (live.size() < 100 || dice.one_in(2)) {
      event.pointer = shelf.empty() ? fresh += 48 : shelf.back();
      if (!shelf.empty()) shelf.pop_back();
      live.emplace_back(writer.append(event), event.pointer);
      continue;
    }
    std::swap(live[dice.below(live.size())], live.back());
    event.op = Op::free;
    event.ended = live.back().first, event.pointer = live.back().second;
    shelf.push_back(event.pointer);
    writer.append(event, 48);
    live.pop_back();
  }
  writer.finish(Ending::complete);
  std::filesystem::remove(path);
  return writer.bytes();
}

TEST(Trace, PlacesThatAreReusedTakeHardlyAnything) {
  const auto without = static_cast<double>(bytes_of_reuse({}));
  const auto with = static_cast<double>(bytes_of_reuse({.pointers = true}));
  EXPECT_LT(with - without, 0.2 * static_cast<double>(several_blocks));
}

}  // namespace
}  // namespace basalt::trace
