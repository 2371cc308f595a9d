// Makes a script of a trace.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "trace/reader.hpp"

namespace basalt::replay {

enum class Threads : std::uint8_t { keep, one };

// Where the memory is looked at, and what is live there.
struct SamplePoint {
  std::uint64_t event = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t live_blocks = 0;
};

struct Script {
  std::uint64_t operations = 0;
  std::uint64_t threads = 0;
  std::uint64_t slots = 0;
  std::uint64_t skipped = 0;  // frees of pointers whose allocation was not seen
  std::vector<SamplePoint> samples;
  std::size_t peak_sample = 0;  // the one at the event after which the most bytes are live
};

// Effects: writes the script to the file, in two passes over the trace: memory is needed for what is live at once, not for its
// events. `progress` gets the number of events that were read, of twice as many as there are.
// Throws: std::runtime_error, if the file cannot be written.
[[nodiscard]] Script compile(trace::Reader& reader, const std::string& path, Threads threads,
                             const std::function<void(std::uint64_t)>& progress);

}  // namespace basalt::replay
