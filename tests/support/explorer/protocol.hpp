#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/explorer/explorer.hpp"

// A protocol of src/, the small programs in which it is explored, and its line in docs/reference/races.md.

namespace basalt::explorer {

struct Scenario {
  const char* name;
  void (*body)(Execution&);
  unsigned preemptions = kUnbounded;  // where there are too many schedules: races.md says so
};

/// A weaker order that no scenario can show to be wrong, though it is: races.md says why.
struct Argued {
  const char* file;      // how the mutant's text begins
  const char* weakened;  // and how it ends
};

struct Protocol {
  const char* name;
  std::vector<std::string> files;  // whose orders are weakened; those of src/ stand in the table
  std::span<const Scenario> scenarios;
  std::span<const Argued> argued = {};
  std::uint64_t executions_per_mutant = 20'000;
};

struct Findings {
  std::string
      problems;     // empty: every scenario holds under every schedule, and just the argued mutants survive
  std::string row;  // of the table: what was explored and caught
};

/// Effects: explores every scenario whole, and with each of its orders weakened by one step. A mutant is caught if one scenario
/// fails with it.
Findings explore_protocol(const Protocol& protocol);

/// Returns: whether docs/reference/races.md has this row, letter by letter.
bool races_page_has(const std::string& row);

}  // namespace basalt::explorer
