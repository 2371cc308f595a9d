#include "child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "command.hpp"
#include "console.hpp"

namespace basalt::tool {

namespace {

[[noreturn]] void become(const Started& started, int report) {
  Companion::as_before();
  if (started.alone) ::unsetenv("LD_PRELOAD");
  if (!started.preload.empty()) {
    const char* const others = std::getenv("LD_PRELOAD");
    const std::string all =
        started.preload + (others == nullptr || *others == '\0' ? "" : ":" + std::string{others});
    ::setenv("LD_PRELOAD", all.c_str(), 1);
  }
  for (const auto& [name, value] : started.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (!started.pid_variable.empty())
    ::setenv(started.pid_variable.c_str(), std::to_string(::getpid()).c_str(), 1);
  std::vector<char*> words;
  for (const std::string& word : started.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(not_found);
}

[[nodiscard]] int status_of(int waited) {
  return WIFSIGNALED(waited) ? 128 + WTERMSIG(waited) : WEXITSTATUS(waited);
}

[[nodiscard]] std::string ending_of(int waited) {
  if (!WIFSIGNALED(waited)) return fmt::format("exit {}", WEXITSTATUS(waited));
  const char* const name = ::sigabbrev_np(WTERMSIG(waited));
  return name == nullptr ? fmt::format("killed by signal {}", WTERMSIG(waited))
                         : fmt::format("killed by SIG{}", name);
}

// Returns: whether processes that it has waited for touched memory, as every process does.
[[nodiscard]] bool has_faults_of_children(pid_t process) {
  std::ifstream file{fmt::format("/proc/{}/stat", process)};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  text.erase(0, text.rfind(')') + 1);
  unsigned long faults = 0;  // behind the name the ninth figure, cminflt
  return std::sscanf(text.c_str(), " %*c %*s %*s %*s %*s %*s %*s %*s %lu", &faults) == 1 && faults != 0;
}

}  // namespace

// A pipe that closes with the execution tells whether that succeeded.
Child::Child(const Started& started) {
  if (started.command.empty())
    throw UserError("there is no program to run", "put it behind --, as in: basalt record -- ls -l");
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) throw UserError(std::strerror(errno), "");
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) become(started, report[1]);
  companion_.met(pid_ > 0 ? pid_ : 0);
  ::close(report[1]);
  int error = pid_ < 0 ? errno : 0;
  if (pid_ > 0 && ::read(report[0], &error, sizeof error) != sizeof error) error = 0;
  ::close(report[0]);
  if (error == 0) return;
  if (pid_ > 0) (void)wait();
  throw CannotRun(
      fmt::format("{} cannot be run: {}", started.command[0], std::strerror(error)),
      error == ENOENT ? "give a path, or a name that is on PATH" : "name a program that you may execute",
      error == ENOENT ? not_found : cannot_execute);
}

Child::~Child() {
  if (pid_ > 0) (void)wait();
}

std::optional<int> Child::ended() {
  if (!status_) (void)reap(WNOHANG);
  return status_;
}

int Child::wait() {
  while (!status_ && !reap(0)) continue;
  return *status_;
}

// Before it is reaped the kernel still has its figures.
bool Child::reap(int options) {
  siginfo_t over{};
  int waited = 0;
  const auto who = static_cast<id_t>(pid_);
  if (::waitid(P_PID, who, &over, WEXITED | WNOWAIT | options) == 0 && over.si_pid == pid_)
    had_children_ = has_faults_of_children(pid_);
  if (::wait4(pid_, &waited, options, &used_) != pid_) return false;
  status_ = status_of(waited);
  ending_ = ending_of(waited);
  companion_.gone();
  return true;
}

std::string library_path(const std::string& name) {
  const std::filesystem::path tool = std::filesystem::read_symlink("/proc/self/exe");
  const std::string file = "lib" + name + ".so";
  for (const char* const folder : {"lib", BASALT_LIBDIR}) {
    const auto path = tool.parent_path().parent_path() / folder / file;
    if (std::filesystem::exists(path)) return path.string();
  }
  throw UserError(fmt::format("{} is not beside the tool", file),
                  "install both, or build both: script/build");
}

}  // namespace basalt::tool
