// What is said of each crime that a guarded slot finds. The text is API: docs/reference/guard.md.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <string>
#include <thread>

#include "guard/guarded_slots.hpp"
#include "platform/raw_os.hpp"
#include "support/report_text.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

struct OfGuards;
using Thread = test::TestThread<RawOs, OfGuards>;
using Engine = test::TestEngine<RawOs, OfGuards>;

using test::report_stack;

// The whole of what follows the first sentence.
const std::string next_steps =
    "  next: addr2line -Cfie FILE OFFSET names the line of a FILE\\+OFFSET; stacks are whole where code has\n"
    "  frame pointers \\(-fno-omit-frame-pointer\\); BASALT_GUARD=100 in the environment guards more "
    "blocks\n$";

std::string block_of(int size, const std::string& family) {
  return "\n  block: 0x[0-9a-f]+ to 0x[0-9a-f]+, " + std::to_string(size) + " bytes from " + family +
         ", guarded; unguarded it would have [0-9]+ bytes\n";
}

std::string live_report(const std::string& sentence, int size = 100, const std::string& family = "malloc") {
  return "^basalt: " + sentence + block_of(size, family) + report_stack("this happened") +
         report_stack("allocated") + next_steps;
}

std::string freed_report(const std::string& sentence, int size = 100) {
  return "^basalt: " + sentence + block_of(size, "malloc") + report_stack("this happened") +
         report_stack("allocated") + report_stack("freed") + next_steps;
}

class GuardDeath : public testing::Test {
 protected:
  GuardDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Thread::forget();
    (void)engine_.allocate(1, 16);
    engine_.policy().guard.store(guard::Sampling{1, 16}.word(), std::memory_order_relaxed);
    (void)engine_.allocate(1000, 16);  // on the slow path the heap learns of it
  }

  volatile char* made(std::size_t size = 100, Origin origin = Origin::malloc) {
    auto* const block = static_cast<volatile char*>(engine_.allocate(size, 16, origin));
    EXPECT_TRUE(engine_.owns(const_cast<char*>(block)));
    EXPECT_EQ(engine_.usable_size(const_cast<char*>(block)), size) << "not guarded";
    return block;
  }
  // Returns: a block that lies at the beginning of its pages, or at their end.
  volatile char* made_at(bool end) {
    for (;;) {
      volatile char* const block = made();
      if ((reinterpret_cast<std::uintptr_t>(block) % RawOs::page_size() != 0) == end) return block;
      drop(block);
    }
  }
  void drop(volatile char* block, Origin origin = Origin::malloc) {
    (void)engine_.deallocate(const_cast<char*>(block), origin);
  }

  Engine& engine_ = *new Engine;
};

#if defined(__x86_64__)
constexpr const char* writes = "a write to 0x[0-9a-f]+";
constexpr const char* reads = "a read of 0x[0-9a-f]+";
#else
constexpr const char* writes = "an access to 0x[0-9a-f]+";
constexpr const char* reads = writes;
#endif

TEST_F(GuardDeath, Overflow) {
  volatile char* const block = made_at(true);
  EXPECT_DEATH(block[112] = 1, live_report(std::string{"heap overflow: "} + writes +
                                           ", 12 bytes after a block of 100 bytes"));
  EXPECT_DEATH((void)block[112 + 50'000], live_report(std::string{"heap overflow: "} + reads +
                                                      ", 50012 bytes after a block of 100 bytes"));
}

// When every slot has had a block, what lies before and behind the guard are candidates both.
TEST_F(GuardDeath, AnOverflowIsOfTheBlockThatIsNearest) {
  for (int i = 0; i < 32; ++i) drop(made(50));
  volatile char* const block = made_at(true);
  EXPECT_DEATH(block[112] = 1,
               std::string{"^basalt: heap overflow: "} + writes + ", 12 bytes after a block of 100 bytes\n");
}

TEST_F(GuardDeath, ALoneSlotHasNoNeighbours) {
  Engine& engine = *new Engine;
  Thread::forget();
  (void)engine.allocate(1, 16);
  engine.policy().guard.store(guard::Sampling{1, 1}.word(), std::memory_order_relaxed);
  (void)engine.deallocate(engine.allocate(1000, 16));
  void* const block = engine.allocate(100, 16, Origin::malloc);
  ASSERT_EQ(engine.usable_size(block), 100U) << "not guarded";
  (void)engine.deallocate(block, Origin::malloc);
  EXPECT_DEATH(*static_cast<volatile char*>(block) = 1,
               freed_report(std::string{"use after free: "} + writes +
                            ", 0 bytes into a block of 100 bytes that was freed"));
}

TEST_F(GuardDeath, Underflow) {
  volatile char* const block = made_at(false);
  EXPECT_DEATH(block[-1] = 1, live_report(std::string{"heap underflow: "} + writes +
                                          ", 1 bytes before a block of 100 bytes"));
}

TEST_F(GuardDeath, OverflowByOneIsFoundWhenTheBlockIsFreed) {
  for (const bool end : {false, true}) {
    volatile char* const block = made_at(end);
    EXPECT_DEATH(
        (block[100] = 1, drop(block)),
        live_report("heap overflow: the byte at 0x[0-9a-f]+, 0 bytes after a block of 100 bytes, was "
                    "overwritten before the block was freed"));
  }
}

TEST_F(GuardDeath, UnderflowByOneIsFoundWhenTheBlockIsFreed) {
  volatile char* const block = made_at(true);
  EXPECT_DEATH(
      (block[-1] = 1, drop(block)),
      live_report("heap underflow: the byte at 0x[0-9a-f]+, 1 bytes before a block of 100 bytes, was "
                  "overwritten before the block was freed"));
}

TEST_F(GuardDeath, UseAfterFree) {
  volatile char* const block = made();
  drop(block);
  EXPECT_DEATH(block[8] = 1, freed_report(std::string{"use after free: "} + writes +
                                          ", 8 bytes into a block of 100 bytes that was freed"));
  EXPECT_DEATH((void)block[8], freed_report(std::string{"use after free: "} + reads +
                                            ", 8 bytes into a block of 100 bytes that was freed"));
}

TEST_F(GuardDeath, UseAfterFreeOfABlockOfManyPages) {
  volatile char* const block = made(200'000);
  drop(block);
  EXPECT_DEATH(block[150'000] = 1,
               freed_report(std::string{"use after free: "} + writes +
                                ", 150000 bytes into a block of 200000 bytes that was freed",
                            200'000));
}

TEST_F(GuardDeath, UseAfterFreeByAnotherThread) {
  volatile char* const block = made();
  EXPECT_DEATH(
      {
        std::thread{[&] { drop(block); }}.join();
        block[8] = 1;
      },
      "^basalt: use after free: ");
}

TEST_F(GuardDeath, DoubleFree) {
  volatile char* const block = made();
  drop(block);
  EXPECT_DEATH(drop(block), freed_report("double free: 0x[0-9a-f]+ is free already"));
  EXPECT_DEATH(std::thread{[&] { drop(block); }}.join(),
               freed_report("double free: 0x[0-9a-f]+ is free already"));
}

TEST_F(GuardDeath, InvalidFree) {
  volatile char* const block = made();
  EXPECT_DEATH(
      drop(block + 16),
      live_report("invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a block; it lies 16 bytes "
                  "into a block of 100 bytes"));
}

TEST_F(GuardDeath, FreeOfWhatNeverWasABlock) {
  volatile char* const block = made();
  EXPECT_DEATH(drop(block + 10 * (guard::GuardedSlots<RawOs>::largest + RawOs::page_size())),
               "^basalt: invalid pointer in free: 0x[0-9a-f]+ is not the beginning of a block\n" +
                   report_stack("this happened") + next_steps);
}

TEST_F(GuardDeath, AccessWhereNoBlockEverWas) {
  volatile char* const block = made();
  EXPECT_DEATH(block[10 * (guard::GuardedSlots<RawOs>::largest + RawOs::page_size())] = 1,
               std::string{"^basalt: invalid access: "} + writes + ", where no block has ever been\n" +
                   report_stack("this happened") + next_steps);
}

TEST_F(GuardDeath, Mismatches) {
  EXPECT_DEATH(drop(made(), Origin::new_object),
               live_report("mismatched delete: 0x[0-9a-f]+ came from malloc, which goes with free"));
  EXPECT_DEATH(drop(made(100, Origin::new_object), Origin::malloc),
               live_report("mismatched free: 0x[0-9a-f]+ came from new, which goes with delete", 100, "new"));
  EXPECT_DEATH(drop(made(100, Origin::new_array), Origin::new_object),
               live_report("mismatched delete: 0x[0-9a-f]+ came from new\\[\\], which goes with delete\\[\\]",
                           100, "new\\[\\]"));
  EXPECT_DEATH(
      drop(made(100, Origin::new_object), Origin::new_array),
      live_report("mismatched delete\\[\\]: 0x[0-9a-f]+ came from new, which goes with delete", 100, "new"));
}

TEST_F(GuardDeath, WrongSize) {
  void* const block = const_cast<char*>(made());
  EXPECT_DEATH(
      (void)engine_.deallocate(block, 99, Origin::malloc),
      live_report(
          "invalid size in free_sized: 0x[0-9a-f]+ has 100 bytes and cannot have been asked for with 99"));
  EXPECT_TRUE(engine_.deallocate(block, 100, Origin::malloc));
}

TEST_F(GuardDeath, QuestionsAboutAFreedBlock) {
  void* const block = const_cast<char*>(made());
  drop(static_cast<char*>(block));
  EXPECT_DEATH((void)engine_.usable_size(block),
               freed_report("invalid pointer in malloc_usable_size: 0x[0-9a-f]+ is free already"));
  EXPECT_DEATH((void)engine_.reallocate(block, 200),
               freed_report("invalid pointer in realloc: 0x[0-9a-f]+ is free already"));
}

// A sanitizer has a handler of its own, which exits; what it says is not ours.
TEST_F(GuardDeath, AFaultElsewhereIsTheProgramsOwn) {
  drop(made());
  const auto not_by_us = [](int status) { return !WIFSIGNALED(status) || WTERMSIG(status) == SIGSEGV; };
  EXPECT_EXIT(*reinterpret_cast<volatile int*>(8) = 1, not_by_us, "^([^b]|$)");
}

void hear(const char* report) {
  RawOs::write(2, "heard: ", 7);
  RawOs::write(2, report, 20);
}

TEST_F(GuardDeath, TheErrorHandlerHearsTheReport) {
  volatile char* const block = made();
  drop(block);
  EXPECT_DEATH((set_last_words_handler(hear), drop(block)), "more blocks\nheard: basalt: double free:$");
}

}  // namespace
}  // namespace basalt
