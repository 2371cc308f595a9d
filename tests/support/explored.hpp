// What a test of an explored protocol expects.
#pragma once

#include <gtest/gtest.h>

#include "support/explorer/protocol.hpp"

namespace basalt::test {

// Every scenario holds under every schedule, each order is needed but for those that are argued, and docs/reference/races.md says so.
inline void expect_explored(const explorer::Protocol& protocol) {
  const explorer::Findings findings = explorer::explore_protocol(protocol);
  EXPECT_EQ(findings.problems, "");
  EXPECT_TRUE(explorer::races_page_has(findings.row)) << "docs/reference/races.md does not have this line:\n"
                                                      << findings.row;
}

}  // namespace basalt::test
