// The last thing a process says.
#pragma once

#include "../base/text.hpp"

namespace basalt {

// Effects: writes the sentence and a line end to standard error in one piece, then aborts. Neither allocates
// nor takes a lock.
[[noreturn]] void fatal(const Text& sentence) noexcept;

// Whether the calling thread is in `fatal`: then it is a handler of SIGABRT that asks.
[[nodiscard]] bool dying() noexcept;

// Effects: writes the sentence and a line end to standard error, and goes on.
void warn(const Text& sentence) noexcept;

}  // namespace basalt
