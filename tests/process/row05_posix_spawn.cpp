// Row 5: posix_spawn and vfork share the parent's memory and run no fork handlers.
// runs: preload global static
#include <fcntl.h>

#include <atomic>
#include <thread>

#include "support/process.hpp"

namespace {

const int spawns = process::times(100);

void spawn_true() {
  posix_spawn_file_actions_t actions;
  CHECK(posix_spawn_file_actions_init(&actions) == 0);
  CHECK(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) == 0);
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  pid_t child = 0;
  CHECK(posix_spawn(&child, "/bin/true", &actions, nullptr, arguments, environ) == 0);
  CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
  CHECK(process::succeeded(process::wait_for(child, 10)));
}

// The child of a vfork runs in our memory, on our stack, until it ends: what it allocates, it allocates here.
void vfork_and_allocate() {
  void* volatile made = nullptr;
  const pid_t child = ::vfork();
  CHECK(child >= 0);
  if (child == 0) {
    made = std::malloc(5000);
    ::_exit(made == nullptr ? 1 : 0);
  }
  CHECK(process::succeeded(process::wait_for(child, 10)));
  std::memset(made, 1, 5000);
  std::free(made);
}

}  // namespace

int main() {
  process::must_be_ours();
  std::atomic<bool> stop{false};
  std::thread pool[4];
  for (std::thread& thread : pool) {
    thread = std::thread{[&stop] {
      for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        process::churn(i, 20, 20000);
        ::usleep(100);
      }
    }};
  }
  for (int i = 0; i < spawns; ++i) {
    spawn_true();
    vfork_and_allocate();
  }
  stop = true;
  for (std::thread& thread : pool) thread.join();
  process::figure(2 * spawns, "children of posix_spawn and vfork");
  process::heap_must_be_valid();
}
