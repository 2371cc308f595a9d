// Signals that would end the tool. Files that are only there for the while of a command are not left behind, and a program that
// runs beside the tool is not left alone.
#pragma once

#include <sys/types.h>

#include <string>

namespace basalt::tool {

// Effects: from now on what would make a file longer than the tool may is refused, as by a full disk, and no signal ends it.
void survive_long_files() noexcept;

// For as long as it exists, what it names is removed before a signal ends the tool: a file, or a folder that is empty.
class Passing {
 public:
  explicit Passing(const std::string& path);
  ~Passing();
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

 private:
  char* path_;
};

// What becomes of a signal while a program runs beside the tool, and until what it left behind is written: SIGTERM and SIGHUP,
// which may be meant for the tool alone, are passed on; the keys reach the program by themselves. The tool goes on.
class Companion {
 public:
  // Effects: none of these signals comes until it is `met` or destroyed.
  Companion();
  ~Companion();
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;

  void met(pid_t program);
  void gone() noexcept;  // it has been waited for: its number may be another's

  // Returns: the last signal that came since; 0: none.
  [[nodiscard]] int interrupted() const noexcept;

  // Effects: of the program, before it executes: signals are as they were for the tool.
  static void as_before() noexcept;
};

}  // namespace basalt::tool
