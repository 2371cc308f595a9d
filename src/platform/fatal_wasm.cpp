// The last words in a WebAssembly module: the page prints them.
#include "fatal.hpp"

namespace basalt {

// What the page offers: writes `bytes` of text to its console.
extern "C" __attribute__((import_module("basalt"), import_name("write"))) void basalt_page_write(
    const char* text, std::size_t bytes);

void warn(const Text& sentence) noexcept {
  Text line = sentence;
  line.end_line();
  basalt_page_write(line.data(), line.size());
}

void fatal(const Text& sentence) noexcept {
  warn(sentence);
  __builtin_trap();
}

bool dying() noexcept { return false; }

}  // namespace basalt
