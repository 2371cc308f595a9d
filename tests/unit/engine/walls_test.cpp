#include "engine/walls.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "platform/raw_os.hpp"
#include "support/readable.hpp"

namespace basalt::engine {
namespace {

struct WithoutGuards : RawOs {
  static Error guard(Range) noexcept { return Error{EINVAL}; }
};

// A system with mappings enough, none of which is real.
struct Countless : WithoutGuards {
  static inline int closed = 0;
  static Error close(Range) noexcept { return ++closed, no_error; }
};

template <class System>
class WallsOf : public testing::Test {};
using Systems = testing::Types<RawOs, WithoutGuards>;
TYPED_TEST_SUITE(WallsOf, Systems);

TYPED_TEST(WallsOf, WhatIsAWallCannotBeTouchedAndItsNeighboursCan) {
  const std::size_t page = RawOs::page_size();
  std::byte* const memory = RawOs::map(3 * page).value;
  Walls<TypeParam> walls;
  ASSERT_TRUE(walls.raise({memory + page, page}));
  memory[page - 1] = memory[2 * page] = std::byte{1};
  EXPECT_FALSE(test::readable(&memory[page]));
  EXPECT_FALSE(test::readable(&memory[2 * page - 1]));
  EXPECT_FALSE(walls.raise({memory + 16, page})) << "no page";
  (void)RawOs::unmap({memory, 3 * page});
}

TEST(Walls, ThatAreMappingsAreBoundedWhichIsSaidOnce) {
  Walls<Countless> walls;
  const Range range{reinterpret_cast<std::byte*>(1 * MiB), RawOs::page_size()};
  int raised = 0;
  while (walls.raise(range)) ++raised;
  EXPECT_EQ(raised, 8'192);
  EXPECT_EQ(Countless::closed, raised);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(walls.raise(range));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  Walls<Countless> others;
  for (int i = 0; i < 8'192; ++i) ASSERT_TRUE(others.raise(range));
  testing::internal::CaptureStderr();
  EXPECT_FALSE(others.raise(range));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "basalt: 8192 guards are mappings of their own, and there will be no more: spans to come lie "
            "side by side. "
            "Linux 6.13 has guards that cost none\n");
}

}  // namespace
}  // namespace basalt::engine
