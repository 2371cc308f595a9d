// Row 18: libraries preloaded beside ours hook open, mmap, getenv and others, and allocate in their hooks; dlsym itself
// allocates. We ask the kernel directly and so cannot meet ourselves.
// runs: preload
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "support/process.hpp"

namespace {

void with_hooks() {
  process::must_be_ours();
  auto* const calls = static_cast<int*>(dlsym(RTLD_DEFAULT, "calls_of_hooks"));
  CHECK(calls != nullptr);
  const int before = *calls;
  process::churn(1, 2000, 300000);  // grows and gives back
  std::free(process::opaque(std::malloc(64 << 20)));
  CHECK(*calls == before);  // and none of it went by a hook

  CHECK(getenv("PATH") != nullptr);
  timespec now{};
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  const int file = open("/dev/null", O_RDONLY);
  CHECK(file >= 0);
  ::close(file);
  CHECK(*calls >= before + 3);
  process::heap_must_be_valid();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    with_hooks();
    return 0;
  }
  const char* const ours = std::getenv("BASALT_PRELOAD");
  CHECK(ours != nullptr);
  for (const bool ours_first : {true, false}) {
    char both[4096];
    char copy[2048];
    std::snprintf(copy, sizeof copy, "%s", process::plugin("hooks"));
    std::snprintf(both, sizeof both, "LD_PRELOAD=%s:%s", ours_first ? ours : copy, ours_first ? copy : ours);
    char again[] = "again";
    char path[] = "PATH=/bin";
    char* arguments[] = {argv[0], again, nullptr};
    char* variables[] = {both, path, nullptr};
    pid_t child = 0;
    CHECK(posix_spawn(&child, process::own_path(), nullptr, nullptr, arguments, variables) == 0);
    CHECK(process::succeeded(process::wait_for(child, 10)));
  }
}
