#include "base/layout.hpp"

#include <gtest/gtest.h>

namespace basalt {
namespace {

TEST(Layout, AcceptsWhatCanBeServed) {
  EXPECT_TRUE((Layout{0, 1, 0}.valid()));
  EXPECT_TRUE((Layout{max_request, 8, 0}.valid()));
  EXPECT_TRUE((Layout{64, GiB, GiB - 8}.valid()));
}

TEST(Layout, RefusesWhatCannot) {
  EXPECT_FALSE((Layout{max_request + 1, 8, 0}.valid()));
  EXPECT_FALSE((Layout{64, 0, 0}.valid()));
  EXPECT_FALSE((Layout{64, 24, 0}.valid()));
  EXPECT_FALSE((Layout{64, 2 * GiB, 0}.valid()));
  EXPECT_FALSE((Layout{64, 16, 16}.valid()));
}

}  // namespace
}  // namespace basalt
