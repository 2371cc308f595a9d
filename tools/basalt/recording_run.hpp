// A program that is run to be recorded.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "record/collector.hpp"

namespace basalt::tool {

struct RecordingWishes {
  std::vector<std::string> command;
  std::string path;
  trace::Columns columns;
  std::uint64_t most_bytes = UINT64_MAX;
  std::uint64_t last_ns = 0;  // only the end of the recording; 0: all of it
  bool children = false;
  bool unwinder = false;  // stacks by libunwind rather than by frame pointers
};

struct Recorded {
  int status = 0;                                              // the program's
  std::string ending;                                          // in words
  std::vector<std::unique_ptr<record::Collector>> collectors;  // ended; the first is the program's own
  bool had_children = false;                                   // it started others, and waited for them
  std::chrono::nanoseconds passed{0};
  std::string refusal;  // why there is none, as far as is known; empty if there is one
};

// Effects: runs the program to its end.  Throws: UserError, CannotRun.
[[nodiscard]] Recorded record_run(const RecordingWishes& wishes);

}  // namespace basalt::tool
