// Whether memory can be read. The system is asked, so nothing faults, under no sanitizer and in no emulator.
#pragma once

#include <unistd.h>

namespace basalt::test {

[[nodiscard]] inline bool readable(const void* p) {
  int pipes[2];
  if (::pipe(pipes) != 0) return true;
  const bool read = ::write(pipes[1], p, 1) == 1;
  ::close(pipes[0]);
  ::close(pipes[1]);
  return read;
}

}  // namespace basalt::test
