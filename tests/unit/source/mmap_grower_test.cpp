#include "source/mmap_grower.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"

namespace basalt {
namespace {

template <class System>
class MmapGrowerTest : public testing::Test {};
using Systems = testing::Types<RawOs, LibcOs>;
TYPED_TEST_SUITE(MmapGrowerTest, Systems);

TYPED_TEST(MmapGrowerTest, CountsPagesAndGrowths) {
  MmapGrower<TypeParam> grower;
  const std::size_t page = grower.page_size();
  EXPECT_EQ(grower.grow(1).value.size, page);
  EXPECT_EQ(grower.pages(), 1u);
  EXPECT_EQ(grower.grow(page).value.size, page);
  EXPECT_EQ(grower.pages(), 2u);
  EXPECT_EQ(grower.grow(page + 1).value.size, 2 * page);
  EXPECT_EQ(grower.pages(), 4u);
  EXPECT_TRUE(grower.grow(0).ok());
  EXPECT_EQ(grower.pages(), 4u);
  EXPECT_EQ(grower.growths(), 3u);
}

TYPED_TEST(MmapGrowerTest, PagesAreZeroed) {
  MmapGrower<TypeParam> grower;
  const Range growth = grower.grow(3 * grower.page_size()).value;
  for (std::size_t i = 0; i < growth.size; ++i) ASSERT_EQ(growth.begin[i], std::byte{0});
}

TYPED_TEST(MmapGrowerTest, GivesBackTheMiddleOfAGrowth) {
  MmapGrower<TypeParam> grower;
  const std::size_t page = grower.page_size();
  const Range growth = grower.grow(3 * page).value;
  ASSERT_EQ(grower.give_back({growth.begin + page, page}), no_error);
  EXPECT_EQ(grower.pages(), 2u);
  std::memset(growth.begin, 1, page);
  std::memset(growth.begin + 2 * page, 1, page);
}

TYPED_TEST(MmapGrowerTest, RemapsWithContentsAndCounts) {
  MmapGrower<TypeParam> grower;
  const std::size_t page = grower.page_size();
  const Range growth = grower.grow(2 * page).value;
  std::memset(growth.begin, 0x5c, growth.size);
  const Result<Range> moved = grower.remap(growth, 40 * page);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved.value.size, 40 * page);
  EXPECT_EQ(grower.pages(), 40u);
  for (std::size_t i = 0; i < growth.size; ++i) ASSERT_EQ(moved.value.begin[i], std::byte{0x5c});
  const Result<Range> shrunk = grower.remap(moved.value, page);
  ASSERT_TRUE(shrunk.ok());
  EXPECT_EQ(grower.pages(), 1u);
  EXPECT_EQ(*shrunk.value.begin, std::byte{0x5c});
}

TYPED_TEST(MmapGrowerTest, DecommittedPagesReadAsZeroAndStayCounted) {
  MmapGrower<TypeParam> grower;
  const Range growth = grower.grow(2 * grower.page_size()).value;
  std::memset(growth.begin, 0x5c, growth.size);
  ASSERT_EQ(grower.decommit(growth.first(grower.page_size())), no_error);
  EXPECT_EQ(growth.begin[0], std::byte{0});
  EXPECT_EQ(growth.begin[grower.page_size()], std::byte{0x5c});
  EXPECT_EQ(grower.pages(), 2u);
}

struct OfThisTest;
using Failing = test::FailingOs<RawOs, OfThisTest>;

TEST(MmapGrowerRefused, PassesTheErrnoOnAndChangesNothing) {
  Failing::reset();
  MmapGrower<Failing> grower;
  const Range growth = grower.grow(1).value;
  std::memset(growth.begin, 0x5c, growth.size);
  Failing::fail_at(test::Operation::map, 1, Error{EAGAIN});
  Failing::fail_at(test::Operation::unmap, 1, Error{ENOMEM});
  Failing::fail_at(test::Operation::remap, 1, Error{EFAULT});
  Failing::fail_at(test::Operation::decommit, 1, Error{EPERM});
  EXPECT_EQ(grower.grow(1).error, Error{EAGAIN});
  EXPECT_EQ(grower.give_back(growth), Error{ENOMEM});
  EXPECT_EQ(grower.remap(growth, 2 * growth.size).error, Error{EFAULT});
  EXPECT_EQ(grower.decommit(growth), Error{EPERM});
  EXPECT_EQ(grower.pages(), 1u);
  EXPECT_EQ(grower.growths(), 1u);
  EXPECT_EQ(growth.begin[growth.size - 1], std::byte{0x5c});
  EXPECT_EQ(grower.give_back(growth), no_error);
  EXPECT_EQ(grower.pages(), 0u);
  EXPECT_EQ(Failing::mapped, 0u);
}

}  // namespace
}  // namespace basalt
