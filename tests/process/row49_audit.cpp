// Row 49: under LD_AUDIT there is a second libc in the process, and the dynamic linker takes the long way to each symbol.
// runs: preload
#include "support/process.hpp"

namespace {

[[nodiscard]] bool runs(char* const* arguments) {
  pid_t child = 0;
  CHECK(posix_spawn(&child, arguments[0], nullptr, nullptr, arguments, environ) == 0);
  return process::succeeded(process::wait_for(child, 10));
}

}  // namespace

int main(int argc, char** argv) {
  process::must_be_ours();
  if (argc == 2) {
    CHECK(std::strstr(std::getenv("LD_AUDIT"), "do_nothing_audit") != nullptr);
    process::churn(49, 2000, 300'000);
    process::heap_must_be_valid();
    return 0;
  }
  CHECK(::setenv("LD_AUDIT", process::plugin("do_nothing_audit"), 1) == 0);
  char again[] = "again";
  char* own[] = {argv[0], again, nullptr};
  CHECK(runs(own));
  char ls[] = "/bin/ls";
  char root[] = "/";
  char* list[] = {ls, root, nullptr};
  CHECK(runs(list));
}
