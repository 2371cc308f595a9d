// Row 7: a child of a large process that does nothing, or little, makes no copies of the heap: the pages that are its
// own, and the faults that it and its parent take, are as few as with the system's allocator, beside which it runs.
// runs: preload
// hardened runs: none (a child writes to records and quarantine besides)
#include <sys/resource.h>

#include "support/process.hpp"

namespace {

constexpr int blocks = 40'000;  // 40 MB in small blocks
constexpr int children = 16;

struct Figures {
  long own_kib;  // what the children alone have, together
  long faults;   // of the parent and of the children that it had
};

[[nodiscard]] long own_kib(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) process::skip("this kernel has no /proc/PID/smaps_rollup");
  char line[256];
  long kib = -1;
  while (std::fgets(line, sizeof line, file) != nullptr) std::sscanf(line, "Private_Dirty: %ld kB", &kib);
  std::fclose(file);
  CHECK(kib >= 0);
  return kib;
}

[[nodiscard]] long faults_taken() {
  rusage own{};
  rusage of_children{};
  CHECK(::getrusage(RUSAGE_SELF, &own) == 0 && ::getrusage(RUSAGE_CHILDREN, &of_children) == 0);
  return own.ru_minflt + of_children.ru_minflt;
}

// As a server that forks its workers in advance does.
[[nodiscard]] Figures measure() {
  static void* held[blocks];
  for (void*& block : held) {
    block = std::malloc(1000);
    std::memset(block, 1, 1000);
  }
  int up[2];
  int down[2];
  CHECK(::pipe(up) == 0 && ::pipe(down) == 0);
  pid_t family[children];
  const long before = faults_taken();
  for (pid_t& child : family) {
    child = ::fork();
    CHECK(child >= 0);
    if (child != 0) continue;
    ::close(down[1]);
    char byte = 0;
    std::free(process::opaque(std::malloc(100)));
    CHECK(::write(up[1], "", 1) == 1 && ::read(down[0], &byte, 1) == 0);
    ::_exit(0);
  }
  char byte = 0;
  for (int i = 0; i < children; ++i) CHECK(::read(up[0], &byte, 1) == 1);
  Figures result{};
  for (const pid_t child : family) result.own_kib += own_kib(child);
  ::close(down[1]);
  for (const pid_t child : family) CHECK(process::succeeded(process::wait_for(child, 20)));
  result.faults = faults_taken() - before;
  for (void* block : held) std::free(block);
  return result;
}

}  // namespace

int main(int count, char**) {
  const Figures with = measure();
  if (count > 1) {
    std::fprintf(stderr, "%ld %ld", with.own_kib, with.faults);
    return 0;
  }
  process::must_be_ours();
  const process::Outcome other = process::without_us("measure");
  long system_kib = 0;
  long system_faults = 0;
  CHECK(process::succeeded(other.status));
  CHECK(std::sscanf(other.words, "%ld %ld", &system_kib, &system_faults) == 2);
  std::fprintf(stderr, "%d children: %ld KiB of their own, %ld faults; the system's: %ld KiB, %ld faults\n",
               children, with.own_kib, with.faults, system_kib, system_faults);
  CHECK(with.own_kib <= system_kib + children * 64);
  CHECK(with.faults <= system_faults + children * 16);
}
