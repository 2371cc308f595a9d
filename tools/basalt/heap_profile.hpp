// A heap profile as the library writes it (docs/reference/profile.md), read back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/analysis.hpp"
#include "trace/tables.hpp"

namespace basalt::tool {

struct HeapProfile {
  trace::Tables tables;
  analysis::Findings findings;  // of the sites what was allocated, and as `chosen` what is in use
  std::uint64_t period = 0;     // bytes
  std::string comment;          // how much was sampled
};

// Throws: UserError, if the bytes are none.
[[nodiscard]] HeapProfile read_heap_profile(const std::string& bytes);

// A place of the program, and what it holds now and held before.
struct Holder {
  std::string name;
  analysis::Amount allocated, now, before;
  double uncertainty = 0;  // of the bytes held now: how far they are usually off

  [[nodiscard]] std::int64_t growth() const {
    return static_cast<std::int64_t>(now.bytes) - static_cast<std::int64_t>(before.bytes);
  }
};

// Returns: by growth, the largest first. Both profiles are of one process.
[[nodiscard]] std::vector<Holder> holders(const HeapProfile& before, const HeapProfile& now);

}  // namespace basalt::tool
