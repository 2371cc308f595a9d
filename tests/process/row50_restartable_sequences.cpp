// Row 50: a thread's area for restartable sequences is libc's, whether libc registers it or not. With it and without it
// we work alike; where libc did not, the program still can register one, so we did not do so behind its back.
// runs: preload global static
#include <linux/rseq.h>
#include <sys/syscall.h>

#include "support/process.hpp"

namespace {

constexpr std::uint32_t signature = 0x53053053;  // what glibc asks for on x86-64; any will do here

alignas(32) struct rseq area = {};

void with_and_without(bool registered) {
  process::churn(50, 2000, 300'000);
  const long answer = ::syscall(SYS_rseq, &area, sizeof area, 0, signature);
  if (answer != 0 && errno == ENOSYS) process::skip("this kernel has no restartable sequences");
  CHECK((answer == 0) == !registered);
  process::churn(51, 2000, 300'000);
  process::heap_must_be_valid();
}

// Returns: the child's exit status.
[[nodiscard]] int run(const char* program, const char* tunables) {
  CHECK(::setenv("GLIBC_TUNABLES", tunables, 1) == 0);
  char copy[4096];
  std::snprintf(copy, sizeof copy, "%s", program);
  char how[] = {tunables[std::strlen(tunables) - 1], '\0'};
  char* arguments[] = {copy, how, nullptr};
  pid_t child = 0;
  CHECK(posix_spawn(&child, program, nullptr, nullptr, arguments, environ) == 0);
  const int status = process::wait_for(child, 10);
  CHECK(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

int main(int argc, char** argv) {
  process::must_be_ours();
  if (argc == 2) {
    with_and_without(argv[1][0] == '1');
    return 0;
  }
  for (const char* tunables : {"glibc.pthread.rseq=0", "glibc.pthread.rseq=1"}) {
    const int status = run(process::own_path(), tunables);
    if (status == process::skipped) process::skip("this kernel has no restartable sequences");
    CHECK(status == 0);
  }
}
