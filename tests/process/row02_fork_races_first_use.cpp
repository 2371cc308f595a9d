// Row 2: one thread allocates for the first time while another forks. A process of its own for every attempt.
// runs: preload global
#include <pthread.h>
#include <sys/syscall.h>

#include <atomic>

#include "support/process.hpp"

namespace {

std::atomic<int> ready{0};

void meet() {
  ready.fetch_add(1);
  while (ready.load() < 2) ::sched_yield();
}

void* first_allocation(void*) {
  meet();
  for (int i = 0; i < 50; ++i) std::free(process::opaque(std::malloc(100)));
  return nullptr;
}

int one_attempt() {
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, first_allocation, nullptr) == 0);
  meet();
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 50; ++i) std::free(process::opaque(std::malloc(100)));
    ::_exit(0);
  }
  CHECK(process::succeeded(process::wait_for(child, 5)));
  CHECK(pthread_join(thread, nullptr) == 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return one_attempt();
  process::must_be_ours();
  char once[] = "once";
  char* arguments[] = {argv[0], once, nullptr};
  const int starts = process::times(200);
  for (int i = 0; i < starts; ++i) {
    pid_t child = 0;
    CHECK(posix_spawn(&child, process::own_path(), nullptr, nullptr, arguments, environ) == 0);
    CHECK(process::succeeded(process::wait_for(child, 5)));
  }
  process::figure(starts, "first allocations that raced a fork");
}
