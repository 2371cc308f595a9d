// Questions to a program that runs, and its answers: see tools/agent.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "child.hpp"

namespace basalt::tool {

// Returns: the program on the engine, with an agent in it.  Throws: UserError.
[[nodiscard]] Started with_agent(const std::vector<std::string>& command);

// Returns: the answer; empty if nobody answers there, or no one who may.
[[nodiscard]] std::string asked(pid_t process, const char* question);

// Returns: bytes that are resident, of the whole process as the kernel counts them; 0 if it does not run.
[[nodiscard]] std::uint64_t resident_bytes(pid_t process);

}  // namespace basalt::tool
