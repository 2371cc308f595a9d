// What a command of the tool is: a file of its own, and a line in commands.cpp.
#pragma once

#include <functional>
#include <span>

#include "options.hpp"

namespace basalt::tool {

// Returns: the exit status.  Throws: UserError, with what to do about it.
using Action = std::function<int()>;

struct Command {
  const char* name;
  const char* summary;
  const char* about;                 // what its options do not say, for --help and for its page of the manual
  const char* examples;              // one a line
  Action (*describe)(Options page);  // adds the options; what it returns is done when they have been read
};

[[nodiscard]] std::span<const Command> commands();

// Effects: `app` becomes the tool's command line; the action of the command that is given is left in `chosen`.
void describe_tool(CLI::App& app, Action& chosen);

// Exit statuses. What runs a program passes that one's on.
inline constexpr int success = 0;
inline constexpr int found_wanting = 1;     // a budget was exceeded, a regression was found
inline constexpr int misused = 2;           // of the command line, or of a file that is none of ours
inline constexpr int cannot_execute = 126;  // as a shell says it
inline constexpr int not_found = 127;

struct Exit {
  const char* status;
  const char* meaning;
};
[[nodiscard]] std::span<const Exit> exits();

}  // namespace basalt::tool
