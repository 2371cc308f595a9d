// Row 54: the core file of an idle program is about as large as with the system's allocator: what is reserved, free or for
// the books does not swell it. And no advice to leave pages out of it has cut the heap into many mappings.
// runs: preload
// hardened runs: none (its records are in a core too)
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/process.hpp"

namespace {

struct Core {
  long disk_kib;  // what of it is not holes
  long file_kib;  // what a program reads that it is piped to
  int mappings;   // when it was killed
};

// 20 MiB in blocks of 1,000 bytes, and as much that has been freed.
[[noreturn]] void crash(int pipe) {
  constexpr int blocks = 40'000;
  static void* held[blocks];
  for (void*& block : held) {
    block = std::malloc(1000);
    std::memset(block, 1, 1000);
  }
  for (int i = 0; i < blocks / 2; ++i) std::free(held[i]);
  const int mappings = process::mappings();
  CHECK(::write(pipe, &mappings, sizeof mappings) == sizeof mappings);
  constexpr rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_CORE, &all) != 0) ::_exit(process::skipped);
  ::raise(SIGSEGV);
  ::_exit(1);
}

// In a directory of its own, where the system writes a file `core` or `core.PID`.
[[nodiscard]] Core dump() {
  char directory[] = "/tmp/basalt-row54-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr && ::chdir(directory) == 0);
  int pipes[2];
  CHECK(::pipe(pipes) == 0);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) crash(pipes[1]);
  Core core{};
  CHECK(::read(pipes[0], &core.mappings, sizeof core.mappings) == sizeof core.mappings);
  const int status = process::wait_for(child, 20);
  char numbered[64];
  std::snprintf(numbered, sizeof numbered, "core.%d", child);
  struct stat file {};
  const bool plain = ::stat("core", &file) == 0;
  const bool found = plain || ::stat(numbered, &file) == 0;
  if (found) ::unlink(plain ? "core" : numbered);
  CHECK(::chdir("/") == 0 && ::rmdir(directory) == 0);
  if (WIFEXITED(status) || !WCOREDUMP(status) || !found) process::skip("core files are not written here");
  core.disk_kib = file.st_blocks / 2;
  core.file_kib = file.st_size / 1024;
  return core;
}

}  // namespace

int main(int count, char**) {
  const Core with = dump();
  if (count > 1) {
    std::fprintf(stderr, "%ld %ld %d", with.disk_kib, with.file_kib, with.mappings);
    return 0;
  }
  process::must_be_ours();
  const process::Outcome other = process::without_us("dump");
  Core system{};
  CHECK(process::succeeded(other.status));
  CHECK(std::sscanf(other.words, "%ld %ld %d", &system.disk_kib, &system.file_kib, &system.mappings) == 3);
  std::fprintf(stderr, "core: %ld KiB on disk, %ld long, %d mappings; the system's: %ld, %ld, %d\n",
               with.disk_kib, with.file_kib, with.mappings, system.disk_kib, system.file_kib,
               system.mappings);
  CHECK(with.disk_kib <= system.disk_kib + system.disk_kib / 10);
  CHECK(with.mappings <= system.mappings + 24);
}
