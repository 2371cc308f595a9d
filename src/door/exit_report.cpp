// What the heap has to say when the process ends, for whoever asked by BASALT_STATS.
//
//   BASALT_STATS=FILE     appends one line of JSON to FILE; many processes may share it
//
// A pipe that nobody reads is an error like any other, not something to wait for, and a terminal does not become ours.
// A process that gained privileges (setuid) does not listen to its environment.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kitchen.hpp"

namespace {

// A program's name for a string of JSON: what would need escaping becomes an underscore.
struct ProgramName {
  char text[65];

  ProgramName() noexcept {
    std::size_t length = 0;
    for (const char* from = program_invocation_short_name; *from != '\0' && length < 64; ++from) {
      const bool plain = *from >= ' ' && *from <= '~' && *from != '"' && *from != '\\';
      text[length++] = plain ? *from : '_';
    }
    text[length] = '\0';
  }
};

// Built in a buffer on the stack and written in one piece: the heap is not asked for memory while it is
// described, and lines of several processes do not mix.
void append_report(const char* path) noexcept {
  const basalt::HeapStats stats = basalt::door::kitchen.stats();
  char line[1024];
  const int length = snprintf(
      line, sizeof line,
      "{\"allocator\":\"%s\",\"pid\":%d,\"program\":\"%s\",\"allocations\":%zu,\"deallocations\":%zu,"
      "\"live_bytes\":%zu,\"peak_live_bytes\":%zu,\"free_bytes\":%zu,\"free_blocks\":%zu,"
      "\"peak_free_blocks\":%zu,\"largest_free_bytes\":%zu,\"grown_bytes\":%zu,\"given_back_bytes\":%zu}\n",
      basalt::door::kitchen_name, static_cast<int>(getpid()), ProgramName{}.text, stats.allocations,
      stats.deallocations, stats.live_bytes, stats.peak_live_bytes, stats.free_bytes, stats.free_blocks,
      stats.peak_free_blocks, stats.largest_free_bytes, stats.grown_bytes, stats.given_back_bytes);
  const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  const bool written = file >= 0 && write(file, line, static_cast<size_t>(length)) == length;
  if (!written) dprintf(2, "basalt: cannot write the statistics to %s: %s\n", path, strerror(errno));
  if (file >= 0) close(file);
}

[[gnu::destructor]] void report_at_exit() noexcept {
  if (const char* const path = secure_getenv("BASALT_STATS")) append_report(path);
}

}  // namespace

// Named so that a static link can be told to take this object.
extern "C" const char basalt_exit_report = 0;
