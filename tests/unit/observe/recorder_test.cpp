#include "observe/recorder.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "observe/recorded.hpp"
#include "platform/raw_os.hpp"
#include "support/in_child.hpp"
#include "support/ring_reader.hpp"
#include "support/test_thread.hpp"

namespace basalt::observe {
namespace {

struct OfRecorder;
struct Thread : test::TestThread<RawOs, OfRecorder> {
  static RecordedThread& recorded() noexcept { return recorded_; }
  static std::size_t unwind(std::uintptr_t*, std::size_t) noexcept { return 0; }

 private:
  static inline thread_local RecordedThread recorded_;
};

constexpr auto stacks = static_cast<std::uint32_t>(Wish::stacks);

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    Thread::recorded() = {};
    Thread::forget();
  }

  // Returns: all that is there, but for threads that begin.
  static std::vector<RecordContents> all(test::RingReader& reader) {
    std::vector<RecordContents> seen;
    while (const auto next = reader.next()) {
      if (next->note() != Note::thread_start) seen.push_back(*next);
    }
    return seen;
  }

  test::TemporaryFolder folder_;
};

[[nodiscard]] void* at(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

TEST_F(RecorderTest, NothingHappensBeforeItBegins) {
  Recorder<RawOs, Thread> recorder;
  recorder.allocated(Note::allocate, at(16), 1, 4);
  recorder.leaving(Note::free, at(16));
  recorder.resized(at(16), 1);
  recorder.thread_ended();
  recorder.after_fork_in_child();
  EXPECT_EQ(Thread::recorded().number, 0U);
}

TEST_F(RecorderTest, EventsAreInTheOrderOfTheirNumbers) {
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder_.path().c_str(), 0);
  recorder.allocated(Note::allocate_aligned, at(0x7000'1234'5670), 12345, 12);
  recorder.leaving(Note::resizing, at(0x7000'1234'5670));
  recorder.resized(nullptr, 99);
  recorder.leaving(Note::free, at(0x7000'1234'5670));
  recorder.allocated(Note::allocate, nullptr, 7, 4);  // refused: no event
  recorder.thread_ended();
  test::RingReader reader{folder_.path()};
  EXPECT_EQ(reader.head().pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_GT(reader.head().maps_bytes, 100U);
  const auto seen = all(reader);
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[0].note(), Note::allocate_aligned);
  EXPECT_EQ(seen[0].alignment_log2(), 12U);
  EXPECT_EQ(seen[0].pointer(), 0x7000'1234'5670U);
  EXPECT_EQ(seen[0].size(), 12345U);
  EXPECT_EQ(seen[0].thread(), 1U);
  EXPECT_EQ(seen[2].pointer(), 0U);
  EXPECT_EQ(seen[3].note(), Note::free);
  EXPECT_EQ(seen[4].note(), Note::thread_end);
}

TEST_F(RecorderTest, AStackIsToldOnceAndBeforeItsFirstEvent) {
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder_.path().c_str(), stacks);
  for (std::size_t i = 0; i != folder_.path().size(); ++i) recorder.allocated(Note::allocate, at(16), 1, 4);
  recorder.allocated(Note::allocate, at(32), 2, 4);
  test::RingReader reader{folder_.path()};
  std::vector<std::uint64_t> told, used;
  for (const auto& seen : all(reader)) {
    if (seen.note() == Note::stack) told.push_back(seen.a);
    if (seen.note() != Note::allocate) continue;
    used.push_back(seen.c >> 32);
    EXPECT_EQ(std::count(told.begin(), told.end(), used.back()), 1);
  }
  ASSERT_GT(used.size(), 3U);
  EXPECT_EQ(used[1], used[2]) << "one call, in a loop";
  EXPECT_NE(used[0], used.back()) << "another line of this test";
  EXPECT_LT(told.size(), used.size());
}

TEST_F(RecorderTest, AReaderThatStandsStillEndsTheRecordingAndNotTheProgram) {
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder_.path().c_str(), 0);
  for (std::uint64_t i = 0; i != RecordingHead::capacity + 10; ++i) recorder.leaving(Note::free, at(16));
  test::RingReader reader{folder_.path()};
  EXPECT_EQ(reader.head().cut.load(), 1U);
  EXPECT_EQ(all(reader).size(), RecordingHead::capacity - 1);  // beside the thread's beginning
  recorder.leaving(Note::free, at(16));
  EXPECT_EQ(all(reader).size(), 0U);
}

// Fills the ring for a reader in that process.  Returns: after how many milliseconds the recording ended.
template <class Folder>
[[nodiscard]] std::int64_t patience_with(const Folder& folder, pid_t process) {
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder.path().c_str(), 0);
  test::RingReader reader{folder.path()};
  reader.head().reader.store(static_cast<std::uint32_t>(process));
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i != RecordingHead::capacity + 10; ++i) recorder.leaving(Note::free, at(16));
  EXPECT_EQ(reader.head().cut.load(), 1U);
  const auto passed = std::chrono::steady_clock::now() - begin;
  return std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
}

TEST_F(RecorderTest, AReaderThatIsStoppedOrGoneIsWaitedForATenthAsLong) {
  const pid_t process = ::fork();
  if (process == 0) {
    for (;;) ::pause();
  }
  EXPECT_GE(patience_with(test::TemporaryFolder{}, process), 1000) << "it sleeps";
  ::kill(process, SIGSTOP);
  ASSERT_EQ(::waitpid(process, nullptr, WUNTRACED), process);
  const auto shortest_of_three = [process] {
    std::int64_t shortest = INT64_MAX;  // others may have the processor meanwhile
    for (int i = 0; i != 3; ++i)
      shortest = std::min(shortest, patience_with(test::TemporaryFolder{}, process));
    return shortest;
  };
  const std::int64_t stopped = shortest_of_three();
  EXPECT_GE(stopped, 100);
  EXPECT_LT(stopped, 500) << "it is stopped";
  ::kill(process, SIGKILL);
  ASSERT_EQ(::waitpid(process, nullptr, 0), process);
  EXPECT_LT(shortest_of_three(), 500) << "it is gone";
}

TEST_F(RecorderTest, AReaderThatWantsNoMoreIsHeard) {
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder_.path().c_str(), 0);
  test::RingReader reader{folder_.path()};
  reader.head().stop.store(1);
  for (std::uint64_t i = 0; i != RecordingHead::capacity + 10; ++i) recorder.leaving(Note::free, at(16));
  EXPECT_LE(reader.head().turns.drawn(), RecordingHead::capacity + 1);
}

TEST_F(RecorderTest, AChildRecordsInAFileOfItsOwnIfThatIsWished) {
  for (const Wish wish : {Wish::times, Wish::children}) {
    const test::TemporaryFolder folder;
    Thread::recorded() = {};
    auto& recorder = *new Recorder<RawOs, Thread>;
    recorder.begin(folder.path().c_str(), static_cast<std::uint32_t>(wish));
    recorder.leaving(Note::free, at(16));
    const int status = test::in_child([&recorder] {
      recorder.after_fork_in_child();
      recorder.leaving(Note::free, at(32));
      return 0;
    });
    EXPECT_EQ(status, 0);
    const auto files = std::filesystem::directory_iterator{folder.path()};
    EXPECT_EQ(std::distance(begin(files), end(files)), wish == Wish::children ? 2 : 1);
  }
}

TEST_F(RecorderTest, AFolderThatIsNotThereIsSaidAndNothingElse) {
  Recorder<RawOs, Thread> recorder;
  testing::internal::CaptureStderr();
  recorder.begin("/no/such/folder", 0);
  recorder.leaving(Note::free, at(16));
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "is not recorded: there is no room for 8 MiB in /no/such/folder (error 2)"),
            std::string::npos);
}

TEST_F(RecorderTest, TheEngineTellsWhatItDoes) {
  auto& heap = *new Recorded<RawOs, Thread, engine::NoProfile>;
  heap.recorder().begin(folder_.path().c_str(), 0);
  void* const a = heap.allocate(100, 16);
  void* const b = heap.allocate(100, 64);
  void* const c = heap.reallocate(a, 100'000);
  void* const d = heap.allocate_zeroed(10);
  EXPECT_TRUE(heap.deallocate(b));
  EXPECT_TRUE(heap.deallocate(c, std::size_t{100'000}));
  EXPECT_TRUE(heap.deallocate(d));
  int none_of_ours = 0;
  EXPECT_FALSE(heap.deallocate(&none_of_ours));
  test::RingReader reader{folder_.path()};
  std::vector<Note> notes;
  for (const auto& seen : all(reader)) notes.push_back(seen.note());
  EXPECT_EQ(notes, (std::vector<Note>{Note::allocate, Note::allocate_aligned, Note::resizing, Note::resized,
                                      Note::allocate_zeroed, Note::free, Note::free, Note::free}));
}

TEST(StackNumbers, TheSameCallsHaveTheSameNumber) {
  StackNumbers<RawOs> numbers;
  ASSERT_TRUE(numbers.begin());
  const std::vector<std::uintptr_t> some{1, 2, 3}, others{1, 3, 2}, shorter{1, 2};
  const auto first = numbers.find(some);
  EXPECT_TRUE(first.is_new);
  EXPECT_NE(first.number, 0U);
  EXPECT_FALSE(numbers.find(some).is_new);
  EXPECT_EQ(numbers.find(some).number, first.number);
  EXPECT_NE(numbers.find(others).number, first.number);
  EXPECT_NE(numbers.find(shorter).number, first.number);
  numbers.end();
  ASSERT_TRUE(numbers.begin());
  EXPECT_TRUE(numbers.find(some).is_new);
  numbers.end();
}

TEST(KnownStack, WhatWasReadableIsAskedAboutOnce) {
  const std::size_t page = RawOs::page_size();
  const Result<std::byte*> place = RawOs::map(4 * page);
  ASSERT_TRUE(place.ok());
  ASSERT_FALSE(RawOs::close({place.value + 3 * page, page}));
  const auto begin = reinterpret_cast<std::uintptr_t>(place.value);
  KnownStack known;
  EXPECT_TRUE(known.covers(begin + page));
  EXPECT_TRUE(known.covers(begin + 2 * page + 8));
  EXPECT_TRUE(known.covers(begin + 8)) << "pages below as well";
  EXPECT_EQ(known.begin, begin);
  EXPECT_EQ(known.end, begin + 3 * page);
  EXPECT_FALSE(known.covers(begin + 3 * page)) << "a page that is closed";
  EXPECT_FALSE(known.covers(begin + 3 * page - 8)) << "half a frame";
  EXPECT_FALSE(known.covers(8));
  for (const std::uintptr_t odd : {begin - 1, begin + 4, begin + page + 1})
    EXPECT_FALSE(known.covers(odd)) << "no place of a word";
  ASSERT_FALSE(RawOs::unmap({place.value, 4 * page}));
}

}  // namespace
}  // namespace basalt::observe
