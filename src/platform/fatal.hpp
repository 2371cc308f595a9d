// The last thing a process says.
#pragma once

#include <cstddef>

#include "../base/text.hpp"

namespace basalt {

// Told what the process is about to die of: the report as it was written, a 0 at its end.
using HearLastWords = void (*)(const char* report);

// Effects: `handler` is called from now on between a report and the end; nullptr: nobody.  Returns: who was called until now.
HearLastWords set_last_words_handler(HearLastWords handler) noexcept;

// Effects: writes the sentence and a line end to standard error in one piece, then aborts. Neither allocates
// nor takes a lock.
[[noreturn]] void fatal(const Text& sentence) noexcept;

// Effects: the same for a report of several lines, with the line ends in it and a 0 at report[size], whose first `said` bytes
// are on standard error already.
[[noreturn]] void fatal(const char* report, std::size_t size, std::size_t said = 0) noexcept;

// Whether the calling thread is in `fatal`: then it is a handler of SIGABRT that asks.
[[nodiscard]] bool dying() noexcept;

// Effects: writes the sentence and a line end to standard error, and goes on.
void warn(const Text& sentence) noexcept;

}  // namespace basalt
