// What a trace says of itself, as JSON, before its first block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "block.hpp"

namespace basalt::trace {

inline constexpr char file_magic[8] = {'B', 'a', 's', 'a', 'l', 't', 'T', 'r'};
inline constexpr char end_magic[8] = {'B', 'a', 's', 'a', 'l', 't', 'E', 'n'};
inline constexpr unsigned version = 2;

struct Header {
  std::vector<std::string> command;  // what was recorded
  std::string writer;                // by which program
  std::uint64_t pid = 0;
  Columns columns;
};

// Why a trace ends where it does.
enum class Ending : std::uint8_t {
  complete,     // with its program
  kept_up_not,  // the recorder could not keep pace, and let the program go on alone
  size_limit,   // the file was as long as it was allowed to be
  disk_full,    // the system would not take more
  interrupted,  // nobody ended it: there is no footer
};

// What is known at the end.
struct Totals {
  std::uint64_t events = 0;
  std::uint64_t blocks_begun = 0;
  std::uint64_t peak_bytes = 0;  // the most that were live at once, as asked for
  std::uint64_t unknown_frees = 0;
  Ending ending = Ending::complete;

  friend bool operator==(const Totals&, const Totals&) = default;
};

[[nodiscard]] std::string to_json(const Header& header);
// Returns: why the text is no header that we can read, in a few words; empty if it is one.
[[nodiscard]] std::string from_json(const std::string& text, Header& header);

}  // namespace basalt::trace
