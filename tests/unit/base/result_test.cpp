#include "base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>

namespace basalt {
namespace {

TEST(Result, IsAValueOrAReason) {
  const Result<int> good = Result<int>::success(7);
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good.value, 7);
  EXPECT_EQ(good.error, no_error);
  const Result<int> bad = Result<int>::failure(out_of_memory);
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.value, 0);
  EXPECT_EQ(bad.error, out_of_memory);
}

TEST(Result, NamesTheNumbersOfThisSystem) {
  EXPECT_EQ(out_of_memory.number, ENOMEM);
  EXPECT_EQ(address_taken.number, EEXIST);
  EXPECT_EQ(invalid_argument.number, EINVAL);
}

TEST(Result, ComesBackInRegisters) {
  static_assert(std::is_trivially_copyable_v<Result<void*>> && sizeof(Result<void*>) <= 2 * sizeof(void*));
  EXPECT_FALSE(no_error);
}

}  // namespace
}  // namespace basalt
