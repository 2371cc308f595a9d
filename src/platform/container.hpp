// What the process may use of the machine: its control group's limits, and the processors it may run on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

struct Allowance {
  std::size_t memory = SIZE_MAX;  // bytes that all of the container may use; SIZE_MAX: no limit is known
  std::size_t processors = 0;     // that can work for the process at a time; 0: not known
};

// Returns: what the control groups of this process allow, of version 1 and 2: of every limit, the lowest on the way up to the root.
// A quota of processor time is rounded up to whole processors; without one, `processors` is 0.
//
// Asks the system directly, by openat, read and close. `root` is put before the names of all files: for tests.
[[nodiscard]] Allowance control_group_allowance(const char* root = "") noexcept;

// Returns: the same, and no more processors than this thread may run on.
[[nodiscard]] Allowance allowance() noexcept;

}  // namespace basalt
