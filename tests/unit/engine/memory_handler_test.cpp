// The handler that is asked before a request is refused.

#include "engine/memory_handler.hpp"

#include <gtest/gtest.h>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

using Refusing = test::FailingOs<RawOs, struct OfHandlers>;
using Thread = test::TestThread<Refusing, struct OfHandlers>;
using Engine = test::TestEngine<Refusing, struct OfHandlers>;

std::size_t asked = 0;
std::size_t asked_for = 0;
std::size_t patience = 0;  // how often it is in vain before there is memory

int relieve(std::size_t size) {
  asked += 1;
  asked_for = size;
  if (asked > patience) Refusing::refuse_nothing_more();
  return 1;
}

int give_up(std::size_t) {
  asked += 1;
  return 0;
}

int relieve_heap(basalt_heap*, std::size_t size, void*) { return relieve(size); }

class MemoryHandlers : public testing::Test {
 protected:
  MemoryHandlers() {
    asked = asked_for = patience = 0;
    Thread::forget();
    Refusing::reset();
  }
  ~MemoryHandlers() override { Refusing::reset(); }

  static void refuse_everything() {
    for (std::size_t k = 1; k <= 1000; ++k) Refusing::fail_at(test::Operation::any, k);
  }

  Engine& engine_ = *new Engine;
};

struct Request {
  std::size_t size;
  std::size_t alignment;
};
constexpr Request requests[] = {
    {100, 16}, {100, 4096}, {100 * KiB, 16}, {100 * KiB, 64 * KiB}, {10 * MiB, 16}};

TEST_F(MemoryHandlers, AreAskedUntilThereIsMemory) {
  for (const Request& request : requests) {
    for (patience = 0; patience < 3; ++patience) {
      Engine& engine = *new Engine;
      EXPECT_EQ(engine.set_memory_handler(relieve), nullptr);
      Thread::forget();
      asked = 0;
      refuse_everything();
      EXPECT_NE(engine.allocate(request.size, request.alignment), nullptr);
      EXPECT_EQ(asked, patience + 1);
      EXPECT_GE(asked_for, request.size);
    }
  }
}

TEST_F(MemoryHandlers, MayGiveUp) {
  (void)engine_.set_memory_handler(give_up);
  refuse_everything();
  std::size_t times = 0;
  for (const Request& request : requests) {
    EXPECT_EQ(engine_.allocate(request.size, request.alignment), nullptr);
    EXPECT_EQ(asked, ++times);
  }
  EXPECT_EQ(engine_.set_memory_handler(nullptr), give_up);
  EXPECT_EQ(engine_.allocate(100, 16), nullptr);
  EXPECT_EQ(asked, times) << "nobody is asked";
}

TEST_F(MemoryHandlers, AreNotAskedInVain) {
  (void)engine_.set_memory_handler(relieve);
  EXPECT_EQ(engine_.allocate(max_request + 1, 16), nullptr);
  EXPECT_EQ(engine_.allocate(100, 2 * engine::largest_alignment), nullptr);
  EXPECT_NE(engine_.allocate(100, 16), nullptr);
  EXPECT_EQ(asked, 0U);
}

TEST_F(MemoryHandlers, AreAskedForBlocksThatGrow) {
  (void)engine_.set_memory_handler(relieve);
  void* const block = engine_.allocate(100, 16);
  refuse_everything();
  EXPECT_NE(engine_.reallocate(block, 10 * MiB), nullptr);
  EXPECT_EQ(asked, 1U);
}

TEST_F(MemoryHandlers, OfAHeapObjectAreItsOwn) {
  (void)engine_.set_memory_handler(give_up);
  basalt_heap* const heap = engine_.create_heap({.full = relieve_heap});
  refuse_everything();
  EXPECT_NE(engine_.objects().allocate(heap, 10 * MiB, 16), nullptr);
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(asked_for, 10 * MiB);
  EXPECT_EQ(engine_.objects().allocate(heap, max_request + 1, 16), nullptr);
  EXPECT_EQ(asked, 1U);
}

}  // namespace
}  // namespace basalt
