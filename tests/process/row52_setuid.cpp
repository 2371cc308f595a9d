// Row 52: a process that gained privileges does not listen to its environment.
// runs: global static
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "support/process.hpp"

namespace {

constexpr uid_t nobody = 65534;

// The copy that runs setuid root: it commits a crime and says by its status what came of it.
int privileged() {
  if (getauxval(AT_SECURE) == 0) return process::skipped;
  int local = 0;
  // BASALT_FOREIGN=leak is not heard: a program that contains us aborts.
  const process::Outcome outcome = process::outcome_of([&] { std::free(process::opaque<void*>(&local)); });
  CHECK(outcome.aborted());
  // BASALT_HARD_LIMIT neither, nor a bad value, nor BASALT_HELP: see what the parent makes of standard error.
  void* const p = std::malloc(std::size_t{64} << 20);
  CHECK(p != nullptr);
  std::free(p);
  return 0;
}

void copy_file(const char* from, const char* to) {
  const int source = ::open(from, O_RDONLY | O_CLOEXEC);
  const int target = ::open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  CHECK(source >= 0 && target >= 0);
  static char buffer[1 << 16];
  for (ssize_t got = 0; (got = ::read(source, buffer, sizeof buffer)) > 0;) {
    CHECK(::write(target, buffer, static_cast<std::size_t>(got)) == got);
  }
  CHECK(::fchmod(target, 04755) == 0);
  ::close(source);
  ::close(target);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return privileged();
  process::must_be_ours();
  if (::geteuid() != 0) process::skip("only root can make a program that runs as root");
  char directory[] = "/tmp/basalt-row52-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr && ::chmod(directory, 0755) == 0);
  char helper[256];
  char report[256];
  std::snprintf(helper, sizeof helper, "%s/helper", directory);
  std::snprintf(report, sizeof report, "%s/report", directory);
  copy_file(process::own_path(), helper);
  std::FILE* const said = std::tmpfile();
  CHECK(said != nullptr);
  const int words = ::fileno(said);

  const pid_t child = ::fork();
  if (child == 0) {
    CHECK(::setgid(nobody) == 0 && ::setuid(nobody) == 0);
    CHECK(::setenv("BASALT_FOREIGN", "leak", 1) == 0 && ::setenv("BASALT_STATS", report, 1) == 0);
    CHECK(::setenv("BASALT_HARD_LIMIT", "32M", 1) == 0 && ::setenv("BASALT_KEEP", "nonsense", 1) == 0);
    CHECK(::setenv("BASALT_HELP", "1", 1) == 0 && ::dup2(words, 2) == 2);
    ::execl(helper, argv[0], "privileged", nullptr);
    ::_exit(2);
  }
  const int status = process::wait_for(child, 10);
  const bool wrote = ::access(report, F_OK) == 0;
  ::unlink(report);
  CHECK(::unlink(helper) == 0 && ::rmdir(directory) == 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == process::skipped) {
    process::skip("this file system or container does not let programs gain privileges");
  }
  CHECK(process::succeeded(status));
  CHECK(!wrote);
  CHECK(::lseek(words, 0, SEEK_END) == 0);  // not a word
}
