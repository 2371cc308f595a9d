// A script, carried out by hand, does what the trace says: whatever the order in which its threads get on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>

#include "replay/compile.hpp"
#include "replay/script.hpp"
#include "support/seed.hpp"
#include "trace/writer.hpp"

namespace basalt::replay {
namespace {

using trace::Event;
using trace::Op;

struct Program {
  std::string path;
  std::map<std::uint64_t, int> sizes;  // of the blocks that begin, and how often
  std::uint64_t operations = 0, peak = 0;
};

// Threads that come and go, and free each other's blocks.
Program random_program(test::Dice& dice, std::size_t steps) {
  Program program{testing::TempDir() + std::to_string(::getpid()) + ".trace", {}, 0, 0};
  trace::Writer writer{program.path, {}};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> live;
  std::uint32_t first = 0, behind = 3;  // threads that live
  for (std::size_t step = 0; step != steps; ++step) {
    Event event;
    event.thread = first + static_cast<std::uint32_t>(dice.below(behind - first));
    if (dice.one_in(500)) {
      event.op = Op::thread_end;
      event.thread = first++;
      ++behind;
      writer.append(event);
      continue;
    }
    event.op = static_cast<Op>(dice.below(6));
    if (live.empty() && trace::ends_block(event.op)) event.op = Op::allocate;
    std::uint64_t ended_bytes = 0;
    if (trace::ends_block(event.op)) {
      std::swap(live[dice.below(live.size())], live.back());
      event.ended = live.back().first;
      ended_bytes = live.back().second;
      live.pop_back();
    }
    if (trace::begins_block(event.op)) event.size = 1 + dice.below(1000), ++program.sizes[event.size];
    const std::uint64_t block = writer.append(event, ended_bytes);
    if (trace::begins_block(event.op)) live.emplace_back(block, event.size);
    program.operations += event.op == Op::free_unknown ? 0 : 1;
  }
  writer.finish(trace::Ending::complete);
  program.peak = writer.totals().peak_bytes;
  return program;
}

// One that plays as the player does, thread by thread, in an order of the dice's: it gets on wherever nothing is waited for.
class Stage {
 public:
  explicit Stage(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    bytes_.assign(std::istreambuf_iterator<char>{file}, {});
    std::memcpy(&head_, bytes_.data(), sizeof head_);
    at_.resize(head_.threads);
    slots_.resize(head_.slots);
  }

  // Returns: whether all was played.
  bool play(test::Dice& dice) {
    for (std::size_t stuck = 0; stuck != 1000;) {
      const std::size_t thread = dice.below(head_.threads);
      stuck = step(thread) ? 0 : stuck + 1;
    }
    for (std::size_t thread = 0; thread != head_.threads; ++thread) {
      while (step(thread)) continue;
    }
    for (std::size_t thread = 0; thread != head_.threads; ++thread) {
      if (at_[thread] != table()[thread].count) return false;
    }
    return true;
  }

  [[nodiscard]] const ScriptHead& head() const { return head_; }
  std::map<std::uint64_t, int> sizes;
  std::vector<std::uint64_t> live;  // bytes, at each sample

 private:
  struct Slot {
    bool full = false;
    std::uint16_t generation = 0;
    std::uint64_t size = 0;
  };

  [[nodiscard]] const ScriptThread* table() const {
    return reinterpret_cast<const ScriptThread*>(bytes_.data() + sizeof(ScriptHead));
  }

  // Returns: what the thread is to do next; nullptr: nothing.
  [[nodiscard]] const ScriptOp* next(std::size_t thread) const {
    const auto* const ops = reinterpret_cast<const ScriptOp*>(table() + head_.threads);
    return at_[thread] == table()[thread].count ? nullptr : ops + table()[thread].first + at_[thread];
  }

  // Returns: whether all threads have come to that sample, and go on.
  bool meet(std::uint32_t sample) {
    for (std::size_t thread = 0; thread != head_.threads; ++thread) {
      const ScriptOp* const op = next(thread);
      if (op == nullptr || op->what != Do::sample || op->slot != sample) return false;
    }
    for (std::uint64_t& at : at_) ++at;
    live.push_back(live_);
    return true;
  }

  bool step(std::size_t thread) {
    const ScriptOp* const there = next(thread);
    if (there == nullptr) return false;
    const ScriptOp& op = *there;
    if (op.what == Do::sample) return meet(op.slot);
    Slot& slot = slots_.at(op.slot);
    const bool ends = op.what == Do::free || op.what == Do::reallocate;
    const auto wanted =
        static_cast<std::uint16_t>(op.what == Do::reallocate ? op.generation - 1 : op.generation);
    if (ends && !(slot.full && slot.generation == wanted)) return false;
    if (!ends) {
      EXPECT_FALSE(slot.full) << "a slot that nobody emptied";
    }
    live_ -= ends ? slot.size : 0;
    slot = {op.what != Do::free, op.generation, op.size};
    if (op.what != Do::free) ++sizes[op.size], live_ += op.size;
    ++at_[thread];
    return true;
  }

  std::vector<char> bytes_;
  ScriptHead head_;
  std::vector<std::uint64_t> at_;
  std::vector<Slot> slots_;
  std::uint64_t live_ = 0;
};

class Scripts : public testing::TestWithParam<Threads> {};

TEST_P(Scripts, AreTheTraceInAnyOrderOfThreads) {
  test::Dice dice{test::seed()};
  const Program program = random_program(dice, 150'000);
  trace::Reader reader{trace::open_file(program.path)};
  const std::string path = testing::TempDir() + std::to_string(::getpid()) + ".script";
  const Script script = compile(reader, path, GetParam(), [](std::uint64_t) {});
  EXPECT_EQ(script.operations, program.operations);
  EXPECT_EQ(script.samples.at(script.peak_sample).live_bytes, program.peak);
  EXPECT_EQ(script.threads, GetParam() == Threads::keep ? 3U : 1U);
  Stage stage{path};
  EXPECT_TRUE(stage.play(dice));
  EXPECT_EQ(stage.sizes, program.sizes);
  EXPECT_EQ(stage.head().operations, program.operations);
  std::vector<std::uint64_t> live;
  for (const SamplePoint& point : script.samples) live.push_back(point.live_bytes);
  EXPECT_EQ(stage.live, live) << "what is live at samples, in any order of threads";
  std::filesystem::remove(path);
  std::filesystem::remove(program.path);
}

INSTANTIATE_TEST_SUITE_P(All, Scripts, testing::Values(Threads::keep, Threads::one));

TEST(Script, AFolderThatIsNotThereIsReported) {
  test::Dice dice{test::seed()};
  const Program program = random_program(dice, 100);
  trace::Reader reader{trace::open_file(program.path)};
  EXPECT_THROW((void)compile(reader, "/no/such/folder/script", Threads::keep, [](std::uint64_t) {}),
               std::runtime_error);
  std::filesystem::remove(program.path);
}

}  // namespace
}  // namespace basalt::replay
