// Row 47: a storm of signals whose handlers allocate, write, and free in reverse order, whatever the thread was doing.
// runs: none
// engine runs: preload global static
#include <csignal>
#include <cstring>

#include <atomic>
#include <thread>

#include <sys/time.h>

#include "support/process.hpp"

namespace {

const int storm = process::times(300);
std::atomic<int> handled{0};
std::atomic<int> broken{0};

// In the handler itself: where one takes longer than the next one is away, nothing else gets a turn.
void be_calm() {
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
}

void handler(int) {
  const int errno_before = errno;
  void* blocks[6] = {};
  std::size_t size = 16;
  for (void*& block : blocks) {
    block = std::malloc(size);
    if (block != nullptr) std::memset(block, static_cast<int>(size), size);
    size *= 5;
  }
  for (int i = 5; i >= 0; --i) {
    size /= 5;
    const auto* const bytes = static_cast<const unsigned char*>(blocks[i]);
    if (bytes != nullptr && bytes[size - 1] != static_cast<unsigned char>(size)) broken.fetch_add(1);
    std::free(blocks[i]);
  }
  if (handled.fetch_add(1) + 1 == storm) be_calm();
  errno = errno_before;
}

void storm_over_itself() {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval often{{0, 100}, {0, 100}};  // microseconds
  setitimer(ITIMER_REAL, &often, nullptr);
}

}  // namespace

int main() {
  process::must_be_ours();
  storm_over_itself();
  std::atomic<bool> stop{false};
  std::thread other{[&] {
    for (std::uint64_t round = 0; !stop.load(); ++round)
      process::churn(2 * round, 50, std::size_t{64} << (round % 10));
  }};
  for (std::uint64_t round = 0; handled.load() < storm; ++round)
    process::churn(2 * round + 1, 50, std::size_t{64} << (round % 16));
  stop = true;
  other.join();
  process::figure(handled.load(), "handlers that allocated in the midst of anything");
  CHECK(broken.load() == 0);  // else a block of a handler was in two hands
  process::heap_must_be_valid();
}
