// Programs that the tool runs.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "signals.hpp"

namespace basalt::tool {

struct Started {
  std::vector<std::string> command;
  std::string preload;                                           // a library; empty: none
  std::vector<std::pair<std::string, std::string>> environment;  // variables to set besides
  std::string pid_variable;  // is set to the program's own number; empty: none
  bool alone = false;        // without what the environment would have preloaded besides
};

// A program that runs beside the tool. While there is one, signals that would end the tool end it, and not the tool: what it
// leaves behind is still to be read.
class Child {
 public:
  // Throws: UserError, if the program is not there or cannot be executed.
  explicit Child(const Started& started);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Returns: the status with which the tool is to exit, as a shell would say it; nothing if the program runs.
  [[nodiscard]] std::optional<int> ended();
  [[nodiscard]] int wait();

  [[nodiscard]] bool succeeded() const noexcept { return status_ && *status_ == 0; }
  // How it ended: `exit 3`, or `killed by SIGSEGV`.
  [[nodiscard]] const std::string& ending() const noexcept { return ending_; }

  // Returns: a signal that came for the tool meanwhile; 0: none.
  [[nodiscard]] int interrupted() const noexcept { return companion_.interrupted(); }

  // Returns: whether it has waited for processes that it had started, once it has ended.
  [[nodiscard]] bool had_children() const noexcept { return had_children_; }

  // What it used, once it has ended.
  [[nodiscard]] const rusage& used() const noexcept { return used_; }

 private:
  [[nodiscard]] bool reap(int options);

  Companion companion_;
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::string ending_;
  rusage used_{};
  bool had_children_ = false;
};

// Exit statuses that belong to a program that could not be run.
class CannotRun : public std::exception {
 public:
  CannotRun(std::string what, std::string next, int status)
      : what_{std::move(what)}, next_{std::move(next)}, status_{status} {}
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] const std::string& next() const noexcept { return next_; }
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  std::string what_, next_;
  int status_;
};

// Returns: the path of one of our shared libraries: `basalt-recorded` and so on, beside the tool or where it was installed.
// Throws: UserError.
[[nodiscard]] std::string library_path(const std::string& name);

}  // namespace basalt::tool
