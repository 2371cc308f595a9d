// What does the allocator add to a process that hardly does anything?  200 of them, one after the other.
#include <spawn.h>
#include <sys/wait.h>

#include <cstring>

#include "workload.hpp"

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "child") == 0) {
    for (std::size_t bytes = 16; bytes < 20'000; bytes *= 2) {
      void* const block = std::malloc(bytes);
      workload::use(block, bytes);
      std::free(block);
    }
    return 0;
  }
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(200);
  char child[] = "child";
  char* words[] = {arguments[0], child, nullptr};
  for (std::size_t i = 0; i < rounds; ++i) {
    pid_t pid = 0;
    int status = 0;
    if (posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, words, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
      std::fputs("process_start: a child did not end well\n", stderr);
      return 1;
    }
  }
  return workload::Task::done(rounds);
}
