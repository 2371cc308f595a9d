// The files that a process executes.
#pragma once

#include <string>
#include <vector>

#include "trace/tables.hpp"

namespace basalt::record {

// Returns: what is executable and comes from a file, from the text of a /proc/PID/maps, with build-ids as the files have them now.
[[nodiscard]] std::vector<trace::Module> modules_in(const std::string& maps);

// Returns: the same of a process that runs; nothing if it does not.
[[nodiscard]] std::vector<trace::Module> modules_of(std::uint32_t pid);

// Returns: in hexadecimal; empty if the file has none or cannot be read.
[[nodiscard]] std::string build_id_of(const std::string& path);

// Returns: the number of this process, if that one knows it by the same number; else 0.
[[nodiscard]] std::uint32_t own_number_for(std::uint32_t other);

}  // namespace basalt::record
