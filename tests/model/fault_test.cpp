// A failing system call at every position, and at every pair of positions.
//
// A script of allocations, resizes and frees is run over a heap whose system refuses the k-th call. Whatever k is, each
// step succeeds or says the errno; nothing crashes, no block changes, nothing is lost, and the next call works.
#include <gtest/gtest.h>
#include <basalt/growers.hpp>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "support/failing_os.hpp"
#include "support/shared_break.hpp"

namespace basalt {
namespace {

struct OfThisTest;
template <Os Inner>
using Failing = test::FailingOs<Inner, OfThisTest>;

constexpr Error injected{EAGAIN};  // nobody but the test refuses with this

// What a step of the script does with one of its eight places for a block.
struct Step {
  enum class Act { allocate, resize, free, trim } act;
  std::size_t place = 0;
  std::size_t size = 0;
  std::size_t alignment = 8;
};
using enum Step::Act;

constexpr Step script[] = {
    {allocate, 0, 24},
    {allocate, 1, 5000},
    {allocate, 2, 70 * KiB},
    {allocate, 3, 300 * KiB, 4096},
    {resize, 2, 150 * KiB},
    {free, 1},
    {allocate, 4, 100 * KiB, 64 * KiB},
    {resize, 3, 600 * KiB},
    {resize, 0, 64},
    {allocate, 5, 20 * KiB},
    {free, 3},
    {allocate, 6, 40 * KiB},
    {resize, 4, 40 * KiB},
    {trim},
    {allocate, 1, 200 * KiB},
    {resize, 1, 900 * KiB},
    {resize, 6, 300 * KiB},
    {free, 2},
    {trim},
    {resize, 5, 100},
    {allocate, 7, 128 * KiB, 16},
    {free, 4},
    {allocate, 2, 30 * KiB},
};

// A heap under test, the script's blocks, and the checks.
template <class Heap>
class Run {
 public:
  template <class... Arguments>
  explicit Run(Arguments&&... arguments) : heap_(arguments...) {}

  void play() {
    for (const Step& step : script) {
      ASSERT_NO_FATAL_FAILURE(take(step));
      ASSERT_NO_FATAL_FAILURE(check());
    }
  }

  // Effects: one more call, which must work since nothing is refused any more; then everything is freed.
  void finish() {
    const Result<std::byte*> block = heap_.allocate({50 * KiB});
    ASSERT_TRUE(block.ok());
    heap_.deallocate(block.value, 50 * KiB);
    for (std::size_t place = 0; place < 8; ++place) drop(place);
    heap_.trim();
    ASSERT_NO_FATAL_FAILURE(check());
    ASSERT_EQ(heap_.stats().live_bytes, 0u);
  }

  Heap& heap() { return heap_; }

 private:
  void take(const Step& step) {
    Range& block = blocks_[step.place];
    const Layout layout{step.size, step.alignment};
    if (step.act == trim) {
      heap_.trim();
    } else if (step.act == free) {
      drop(step.place);
    } else if (step.act == allocate || block.empty()) {
      drop(step.place);
      keep(step.place, heap_.allocate(layout), step.size, 0);
    } else {
      keep(step.place, heap_.reallocate(block.begin, block.size, layout), step.size, block.size);
    }
  }

  // Notes what came of a call: the old bytes are there up to the smaller size, or the injected error came back.
  void keep(std::size_t place, Result<std::byte*> result, std::size_t size, std::size_t old_size) {
    if (!result.ok()) {
      ASSERT_EQ(result.error, injected);
      return;
    }
    blocks_[place] = {result.value, std::min(size, old_size)};
    ASSERT_NO_FATAL_FAILURE(check_contents(place));
    blocks_[place].size = size;
    std::memset(result.value, fill(place), size);
  }

  void drop(std::size_t place) {
    if (!blocks_[place].empty()) heap_.deallocate(blocks_[place].begin, blocks_[place].size);
    blocks_[place] = {};
  }

  void check() {
    ASSERT_TRUE(heap_.stats().conserved());
    ASSERT_TRUE(heap_.validate().valid());
    std::size_t live = 0;
    for (std::size_t place = 0; place < 8; ++place) {
      ASSERT_NO_FATAL_FAILURE(check_contents(place));
      live += blocks_[place].empty() ? 0 : block_size(blocks_[place].size);
    }
    ASSERT_EQ(heap_.stats().live_bytes, live);
  }

  void check_contents(std::size_t place) {
    const Range& block = blocks_[place];
    const std::byte expected{fill(place)};
    for (std::size_t at = 0; at < block.size; at += 256) ASSERT_EQ(block.begin[at], expected);
    ASSERT_TRUE(block.empty() || block.end()[-1] == expected);
  }

  static unsigned char fill(std::size_t place) { return static_cast<unsigned char>(place + 1); }

  Heap heap_;
  Range blocks_[8];
};

using Threshold = GiveBackAbove<64 * KiB, 128 * KiB>;

struct OverMmap {
  using System = Failing<RawOs>;
  using Heap = RawAlloc<Tracked<AtLeast<MmapGrower<System>, 64 * KiB>, System>, FirstFit, Threshold>;

  Run<Heap> run;

  // After everything is freed and given back: the system has back all that it gave, except what the heap says it still
  // has, and the table.
  void check_nothing_leaked() {
    const auto& grower = run.heap().grower();
    const HeapStats stats = run.heap().stats();
    ASSERT_EQ(grower.pages() * grower.page_size(), stats.grown_bytes - stats.given_back_bytes);
    ASSERT_EQ(System::mapped, grower.pages() * grower.page_size() + System::page_size());
  }
};

struct OverLibc {
  using System = Failing<LibcOs>;
  using Heap = RawAlloc<Tracked<MmapGrower<System>, System>, BestFit>;

  Run<Heap> run;

  void check_nothing_leaked() {
    const HeapStats stats = run.heap().stats();
    ASSERT_EQ(System::mapped, stats.grown_bytes - stats.given_back_bytes + System::page_size());
  }
};

struct OverBreak {
  using System = Failing<test::SharedBreak>;
  using Heap = RawAlloc<Tracked<SbrkGrower<System>, System>>;

  OverBreak() { test::SharedBreak::reset(40); }
  Run<Heap> run;

  // Only ever up: at most one padding of a page is not the heap's.
  void check_nothing_leaked() {
    ASSERT_LE(test::SharedBreak::at - run.heap().stats().grown_bytes, System::page_size());
  }
};

struct OverFile {
  using System = Failing<RawOs>;
  using File = MemoryFile<System>;
  using Heap = RawAlloc<Borrowed<File>>;

  // Made before anything is refused: how opening copes is told in memory_file_test.cpp.
  File* file = File::open(nullptr, {nullptr, 8 * MiB}).file;
  Run<Heap> run{*file};

  ~OverFile() { File::close(file); }

  void check_nothing_leaked() {
    ASSERT_EQ(file->range().size - file->page_size(), run.heap().stats().grown_bytes);
  }
};

struct OverBoth {
  using System = Failing<RawOs>;
  using Pages = Tracked<AtLeast<MmapGrower<System>, 64 * KiB>, System>;
  using Heap = RawAlloc<Fallback<ToyHeap<128 * KiB>, Pages>, FirstFit, Threshold>;

  Run<Heap> run;

  void check_nothing_leaked() {
    ASSERT_EQ(System::mapped,
              run.heap().grower().second().pages() * System::page_size() + System::page_size());
  }
};

template <class Subject>
class Fault : public testing::Test {
 protected:
  using System = typename Subject::System;

  // Returns: how many calls were refused.
  std::size_t play(std::initializer_list<std::size_t> positions) {
    std::optional<Subject> subject;
    subject.emplace();
    System::reset();
    for (const std::size_t k : positions) System::fail_at(test::Operation::any, k, injected);
    subject->run.play();
    const std::size_t failures = System::failures;
    calls = System::calls;
    System::refuse_nothing_more();
    subject->run.finish();
    subject->check_nothing_leaked();
    return failures;
  }

  std::size_t calls = 0;  // of the last play
};

using Subjects = testing::Types<OverMmap, OverLibc, OverBreak, OverFile, OverBoth>;
TYPED_TEST_SUITE(Fault, Subjects);

TYPED_TEST(Fault, NothingIsRefused) { EXPECT_EQ(this->play({}), 0u); }

TYPED_TEST(Fault, AnyOneCallIsRefused) {
  for (std::size_t k = 1;; ++k) {
    SCOPED_TRACE(k);
    const std::size_t refused = this->play({k});
    ASSERT_FALSE(this->HasFatalFailure());
    if (refused == 0) break;  // the script is over before the k-th call
    ASSERT_EQ(refused, 1u);
  }
}

TYPED_TEST(Fault, AnyTwoCallsAreRefused) {
  for (std::size_t k = 1;; ++k) {
    std::size_t most = 0;
    for (std::size_t j = k + 1;; ++j) {
      SCOPED_TRACE(testing::Message() << "calls " << k << " and " << j);
      const std::size_t refused = this->play({k, j});
      ASSERT_FALSE(this->HasFatalFailure());
      most = std::max(most, refused);
      if (refused < 2) break;
    }
    if (most == 0) break;
  }
}

TYPED_TEST(Fault, EveryCallFromOneOnIsRefused) {
  ASSERT_EQ(this->play({}), 0u);
  const std::size_t calls_in_script = this->calls;
  ASSERT_GT(calls_in_script, 4u);
  for (std::size_t k = 1; k <= calls_in_script; ++k) {
    SCOPED_TRACE(k);
    TypeParam subject;
    TestFixture::System::reset();
    for (std::size_t j = k; j < k + 200; ++j) {
      TestFixture::System::fail_at(test::Operation::any, j, injected);
    }
    subject.run.play();
    TestFixture::System::refuse_nothing_more();
    subject.run.finish();
    subject.check_nothing_leaked();
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

}  // namespace
}  // namespace basalt
