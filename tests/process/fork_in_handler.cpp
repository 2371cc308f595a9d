// Forks in the handler of a signal, whatever the interrupted thread was doing, a malloc, a free or a trim more often than not. The
// child allocates in the handler. Where no other thread was in the heap, every other child goes back to what was interrupted, and works
// on; beside another thread it ends there: what that one held in the midst of a step is nobody's in the child, and may not be
// touched (as POSIX has it, such a child may call next to nothing anyway).
// runs: none
// engine runs: preload global static
// hardened runs: preload
#include <malloc.h>
#include <sys/time.h>

#include <atomic>
#include <thread>

#include "support/process.hpp"

namespace {

const int forks = process::times(100);  // alone, and as many in company
std::atomic<int> made{0};
std::atomic<int> broken{0};
std::atomic<bool> is_child{false};
std::atomic<bool> has_company{false};

void allocate_and_free() {
  void* blocks[6] = {};
  std::size_t size = 16;
  for (void*& block : blocks) {
    block = std::malloc(size);
    if (block != nullptr) std::memset(block, 1, size);
    size *= 5;
  }
  for (int i = 5; i >= 0; --i) std::free(blocks[i]);
}

// Effects: one signal, soon: never so many that handlers are all that happens.
void arm() {
  const itimerval once{{0, 0}, {0, 1 + (made * 7919) % 3000}};  // microseconds
  setitimer(ITIMER_REAL, &once, nullptr);
}

void handler(int) {
  const int errno_before = errno;
  const bool goes_back = made.fetch_add(1) % 2 == 0 && !has_company;
  allocate_and_free();
  const pid_t child = ::fork();
  if (child == 0) {
    allocate_and_free();
    if (!goes_back) ::_exit(0);
    is_child = true;
  } else if (child < 0 || !process::succeeded(process::wait_for(child, 20))) {
    ++broken;
  }
  if (child != 0 && made % forks != 0) arm();
  errno = errno_before;
}

// Effects: whoever finds to be the child of a handler's fork, in the midst of its work, goes on for a while, and ends.
void work(std::uint64_t& round) {
  ++round;
  process::churn(round, 50, std::size_t{64} << (round % 16));
  malloc_trim(0);  // with every lock, one after the other, and in system calls that take their time
  if (!is_child) return;
  for (std::uint64_t more = 0; more < 20; ++more) process::churn(more, 50, std::size_t{64} << (more % 16));
  process::heap_must_be_valid();
  ::_exit(0);
}

}  // namespace

int main() {
  process::must_be_ours();
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGALRM, &action, nullptr) == 0);
  std::uint64_t round = 0;
  for (arm(); made < forks;) work(round);
  process::figure(made, "forks in a handler, half of the children of which go on with what was interrupted");
  has_company = true;
  std::thread other{[] {
    for (std::uint64_t own = 1000; made < 2 * forks;) work(own);
  }};
  for (arm(); made < 2 * forks;) work(round);
  other.join();
  process::figure(forks, "forks in a handler beside another thread");
  CHECK(broken == 0);
  process::heap_must_be_valid();
}
