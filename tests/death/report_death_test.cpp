// The whole of what is said of a misuse, line by line: that is API.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "hardened/hardened.hpp"
#include "platform/fatal.hpp"
#include "platform/raw_os.hpp"
#include "support/report_text.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfReports;
using Thread = test::TestThread<RawOs, OfReports>;
using Engine = test::TestEngine<RawOs, OfReports>;
using test::whole_report;

const std::string span = " bytes each, in the span at 0x[0-9a-f]+ of heap 1, which still gives from it";
const std::string no_such_size =
    "invalid size in free_sized: 0x[0-9a-f]+ has [0-9]+ usable bytes and cannot have been asked for with 20";
const std::string freed_before = "something has freed this block before";
const std::string double_free = "double free: 0x[0-9a-f]+ is free already";
const std::string moved = "this pointer has moved since it was allocated, or is part of something larger";
const std::string no_virtual_destructor =
    "an object may have been deleted through a base class without a virtual destructor";

class ReportDeath : public testing::Test {
 protected:
  ReportDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Thread::forget();
  }

  std::byte* made(std::size_t size) { return static_cast<std::byte*>(engine_.allocate(size, 16)); }
  void drop(void* block) { (void)engine_.deallocate(block); }
  void flush() { (void)engine_.trim(); }

  Engine& engine_ = *new Engine;
};

TEST_F(ReportDeath, OfADoubleFreeInARow) {
  (void)made(64);
  std::byte* const block = made(64);
  drop(block);
  EXPECT_DEATH(drop(block),
               whole_report(double_free, "slot 1 of 256, 64" + span, "noticed at once", freed_before));
}

TEST_F(ReportDeath, OfADoubleFreeThatIsNoticedLater) {
  std::byte* const block = made(64);
  std::byte* const others[] = {made(64), made(64)};
  drop(block), drop(others[0]), drop(others[1]), drop(block);
  EXPECT_DEATH(flush(),
               whole_report(double_free, "slot 0 of 256, 64" + span, "noticed some time later",
                            "something has freed this block twice, some time ago; the hardened library "
                            "notices at once"));
}

TEST_F(ReportDeath, OfAPointerIntoASmallBlock) {
  drop(made(100) + 16);
  EXPECT_DEATH(flush(),
               whole_report("invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a block; it lies "
                            "in a block of 112 bytes",
                            "slot 0 of 146, 112" + span, "noticed some time later", moved));
}

TEST_F(ReportDeath, OfPointersIntoLargeBlocks) {
  const std::string sentence = "invalid pointer in free: 0x[0-9a-f]+ lies inside a large block";
  std::byte* const large = made(100'000);
  EXPECT_DEATH(drop(large + 64),
               whole_report(sentence, "114688 bytes at 0x[0-9a-f]+", "noticed at once", moved));
  EXPECT_DEATH(drop(large + 80'000),
               whole_report(sentence, "114688 bytes at 0x[0-9a-f]+", "noticed at once", moved));
  std::byte* const huge = made(8 * MiB);
  EXPECT_DEATH(drop(huge + 64),
               whole_report(sentence, "8388608 bytes at 0x[0-9a-f]+", "noticed at once", moved));
  EXPECT_DEATH(drop(huge + 7 * MiB), whole_report(sentence, "", "noticed at once", moved));
}

TEST_F(ReportDeath, OfALargeBlockFreedTwice) {
  std::byte* const block = made(100'000);
  drop(block);
  EXPECT_DEATH(drop(block),
               whole_report(double_free, "there is none any more", "noticed at once", freed_before));
}

TEST_F(ReportDeath, OfAWrongSize) {
  std::byte* const block = made(100'000);
  EXPECT_DEATH(
      (void)engine_.deallocate(block, 50'000),
      whole_report("invalid size in free_sized: 0x[0-9a-f]+ has 114688 usable bytes and cannot have been "
                   "asked for with 50000",
                   "114688 bytes at 0x[0-9a-f]+", "noticed at once", no_virtual_destructor));
}

TEST_F(ReportDeath, OfAWrongSizeOfASmallBlock) {
  std::byte* const block = made(100);
  EXPECT_DEATH((void)engine_.deallocate(block, 20),
               whole_report("invalid size in free_sized: 0x[0-9a-f]+ has 112 usable bytes and cannot have "
                            "been asked for with 20",
                            "slot 0 of 146, 112" + span, "noticed at once", no_virtual_destructor));
}

TEST_F(ReportDeath, OfAWrongSizeOfABlockOfAHeapObject) {
  basalt_heap* const heap = engine_.create_heap({});
  void* const small = engine_.objects().allocate(heap, 100, 16);
  void* const huge = engine_.objects().allocate(heap, 5 * MiB, 16);
  EXPECT_DEATH(
      (void)engine_.deallocate(small, 20),
      whole_report(no_such_size, "slot 0 of 146, 112 bytes each, in the span at 0x[0-9a-f]+ of a heap object",
                   "noticed at once", no_virtual_destructor));
  EXPECT_DEATH((void)engine_.deallocate(huge, 20), whole_report(no_such_size, "5242880 bytes at 0x[0-9a-f]+",
                                                                "noticed at once", no_virtual_destructor));
}

TEST_F(ReportDeath, OfABlockOfAHeapObject) {
  basalt_heap* const heap = engine_.create_heap({});
  void* const block = engine_.objects().allocate(heap, 64, 16);
  (void)engine_.objects().allocate(heap, 64, 16);
  drop(block);
  EXPECT_DEATH(
      drop(block),
      whole_report(double_free, "slot 0 of 256, 64 bytes each, in the span at 0x[0-9a-f]+ of a heap object",
                   "noticed at once", freed_before));
}

TEST_F(ReportDeath, IsOneThoughTwoThreadsDie) {
  EXPECT_DEATH(
      {
        std::atomic<int> ready{0};
        const auto crime = [&] {
          std::byte* const block = made(64);
          drop(block);
          ++ready;
          while (ready < 2) std::this_thread::yield();
          drop(block);
        };
        std::thread other{crime};
        crime();
        other.join();
      },
      whole_report(
          double_free,
          "slot 0 of 256, 64 bytes each, in the span at 0x[0-9a-f]+ of heap [12], which still gives from it",
          "noticed at once", freed_before));
}

void repeat(const char* report) { std::fputs(report, stderr); }

TEST_F(ReportDeath, IsHeardAsItWasWritten) {
  std::byte* const block = made(64);
  drop(block);
  (void)set_last_words_handler(repeat);
  const std::string once =
      whole_report(double_free, "slot 0 of 256, 64" + span, "noticed at once", freed_before);
  EXPECT_DEATH(drop(block), "^(" + once.substr(1, once.size() - 2) + "){2}$");
  (void)set_last_words_handler(nullptr);
}

const std::string slot_of_64 = "slot [0-9]+ of 256, 64" + span;

struct OfHardenedReports;
using HardenedThread = test::TestThread<RawOs, OfHardenedReports>;
using Hardened = hardened::Hardened<RawOs, HardenedThread>;

class HardenedReportDeath : public testing::Test {
 protected:
  HardenedReportDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    HardenedThread::forget();
  }

  std::byte* made(std::size_t size) {
    return static_cast<std::byte*>(engine_.allocate(size, 16, Origin::malloc));
  }
  void drop(void* block) { (void)engine_.deallocate(block, Origin::malloc); }

  Hardened& engine_ = *new Hardened;
};

TEST_F(HardenedReportDeath, OfADoubleFree) {
  std::byte* const block = made(60);
  drop(block);
  EXPECT_DEATH(drop(block),
               whole_report(double_free, "slot [0-9]+ of 256, 64" + span, "noticed at once", freed_before));
  EXPECT_DEATH((void)engine_.usable_size(block),
               whole_report("invalid pointer in malloc_usable_size: 0x[0-9a-f]+ is free already", slot_of_64,
                            "noticed at once", freed_before));
}

TEST_F(HardenedReportDeath, OfWhatDoesNotGoTogether) {
  std::byte* const block = made(60);
  EXPECT_DEATH(
      (void)engine_.deallocate(block, Origin::new_object),
      whole_report("mismatched delete: 0x[0-9a-f]+ came from malloc, which goes with free", slot_of_64,
                   "noticed at once", "the two have to go together, in all of the program"));
  EXPECT_DEATH(
      (void)engine_.deallocate(block, 59, Origin::malloc),
      whole_report(
          "invalid size in free_sized: 0x[0-9a-f]+ has 60 bytes and cannot have been asked for with 59",
          slot_of_64, "noticed at once", no_virtual_destructor));
}

TEST_F(HardenedReportDeath, OfAnOverflow) {
  std::byte* const block = made(60);
  block[60] = std::byte{0};
  EXPECT_DEATH(
      drop(block),
      whole_report("heap overflow: what lies behind the 60 bytes at 0x[0-9a-f]+ was overwritten before they "
                   "were freed",
                   slot_of_64, "noticed at once",
                   "something writes past the end of this block while it lives"));
}

TEST_F(HardenedReportDeath, OfLargeBlocks) {
  const auto overflow = [this](std::size_t size) {
    std::byte* const block = made(size);
    block[size] = std::byte{0};
    drop(block);
  };
  const auto line = [](const char* bytes) {
    return "\n  block: " + std::string{bytes} + " bytes at 0x[0-9a-f]+\n";
  };
  EXPECT_DEATH(overflow(100'000), "^basalt: heap overflow: [^\n]+" + line("114688"));
  EXPECT_DEATH(overflow(1'000'000), "^basalt: heap overflow: [^\n]+" + line("1003520"));
}

TEST_F(HardenedReportDeath, OfAWriteToFreeMemory) {
  std::byte* const block = made(60);
  drop(block);
  block[8] = std::byte{1};
  EXPECT_DEATH(
      engine_.purge(),
      whole_report("use of free memory: the word at 0x[0-9a-f]+, 8 bytes into the free block at 0x[0-9a-f]+, "
                   "was overwritten",
                   slot_of_64, "noticed some time later",
                   "something has kept a pointer to this block for longer than the block"));
}

}  // namespace
}  // namespace basalt
