// The last thing a process says.
#pragma once

#include "../base/text.hpp"

namespace basalt {

// Effects: writes the sentence and a line end to standard error in one piece, then aborts. Neither allocates
// nor takes a lock.
[[noreturn]] void fatal(const Text& sentence) noexcept;

// Effects: writes the sentence and a line end to standard error, and goes on.
void warn(const Text& sentence) noexcept;

}  // namespace basalt
