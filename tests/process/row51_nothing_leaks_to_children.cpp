// Row 51: being preloaded changes nothing that a child process would inherit: signal handlers and mask, limits,
// environment, transparent huge pages. Where requests get guarded slots by default there is a handler of SIGSEGV besides, which
// whoever is executed next does not have.
// runs: preload global static
#include <sys/prctl.h>
#include <sys/resource.h>

#include "support/process.hpp"

extern "C" size_t basalt_option_get(const char* name, char* buffer, size_t size) __attribute__((weak));

namespace {

[[nodiscard]] bool guards() {
  char value[32] = "off";
  if (basalt_option_get != nullptr) basalt_option_get("guard", value, sizeof value);
  return std::strcmp(value, "off") != 0;
}

}  // namespace

int main() {
  process::must_be_ours();
  process::churn(1, 1000, 100000);
  std::free(process::opaque(std::malloc(100 << 20)));
  for (int number = 1; number < 32; ++number) {
    struct sigaction action {};
    CHECK(::sigaction(number, nullptr, &action) == 0 || errno == EINVAL);
    const bool ours = number == SIGSEGV && guards();
    CHECK(ours != (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN));
  }
  sigset_t mask;
  CHECK(::sigprocmask(SIG_SETMASK, nullptr, &mask) == 0);
  for (int number = 1; number < 32; ++number) CHECK(sigismember(&mask, number) == 0);
  CHECK(::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const bool ours = std::strncmp(*variable, "BASALT_", 7) == 0;
    // Only those that the test itself was given.
    CHECK(!ours || std::strncmp(*variable, "BASALT_PLUGINS=", 15) == 0 ||
          std::strncmp(*variable, "BASALT_PRELOAD=", 15) == 0 || std::strstr(*variable, "_DIR=") != nullptr);
  }
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}
