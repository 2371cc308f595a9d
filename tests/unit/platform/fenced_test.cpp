#include "platform/fenced.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/readable.hpp"

namespace basalt {
namespace {

using System = test::FailingOs<RawOs, struct OfFenced>;
using test::Operation;

class FencedTest : public testing::Test {
 protected:
  FencedTest() { System::reset(); }

  static constexpr std::size_t bytes = 5000;  // two pages, of the smallest
  const std::size_t page_ = System::page_size();
  const std::size_t rounded_ = align_up(bytes, page_);
};

TEST_F(FencedTest, ThePagesBesideCannotBeTouched) {
  std::byte* const memory = Fenced<System>::map(bytes).value;
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory[0], std::byte{0});
  memory[0] = memory[rounded_ - 1] = std::byte{1};
  EXPECT_FALSE(test::readable(memory - 1));
  EXPECT_FALSE(test::readable(memory - page_));
  EXPECT_FALSE(test::readable(memory + rounded_));
  EXPECT_FALSE(test::readable(memory + rounded_ + page_ - 1));
  Fenced<System>::unmap(memory, bytes);
  EXPECT_FALSE(test::readable(memory));
}

TEST_F(FencedTest, WithoutMemoryThereIsNoneAndNothingIsKept) {
  for (const Operation refused : {Operation::reserve, Operation::open}) {
    System::reset();
    System::fail_at(refused, 1, Error{ENOMEM});
    const Result<std::byte*> none = Fenced<System>::map(bytes);
    EXPECT_FALSE(none.ok());
    EXPECT_EQ(none.error.number, ENOMEM);
    EXPECT_EQ(System::calls, refused == Operation::open ? 3U : 1U) << "what was reserved is given back";
  }
}

// Beyond the budget there are fences where the system has some that are no mappings.
struct Guarding : RawOs {
  static inline std::size_t reserved = 0, guarded = 0;
  static Result<std::byte*> reserve(std::size_t size) noexcept { return ++reserved, RawOs::reserve(size); }
  static Error guard(Range range) noexcept { return ++guarded, RawOs::close(range); }
};

TEST_F(FencedTest, TheBudgetOfMappingsIsKept) {
  constexpr std::size_t many = 5000;
  for (std::size_t i = 0; i < many; ++i) {
    std::byte* const memory = Fenced<Guarding>::map(bytes).value;
    ASSERT_NE(memory, nullptr);
    if (i + 1 == many) {
      EXPECT_FALSE(test::readable(memory - 1));
      EXPECT_FALSE(test::readable(memory + rounded_));
    }
    Fenced<Guarding>::unmap(memory, bytes);
  }
  EXPECT_EQ(Guarding::reserved, 4096U);
  EXPECT_EQ(Guarding::guarded, 2 * (many - 4096));
}

}  // namespace
}  // namespace basalt
