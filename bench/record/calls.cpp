// What does an event cost a program that does nothing but allocate? Blocks of random sizes take the places of others, at the end of
// twenty calls.
//
//   calls [SCALE]
//
// A burst is a fifth of the ring that a recorded program writes to; between two of them there is time to empty it. The long run is as
// fast as whoever reads the ring. Each is done several times, and the quickest counts. At the end one line of JSON goes to standard
// output: operations (events, of all), burst_ns and long_ns (of one event).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "../workloads/workload.hpp"

namespace {

constexpr unsigned depth = 20;
constexpr std::size_t burst = 25'000;  // blocks: an event when each begins, and one when it ends
constexpr unsigned bursts = 20, runs = 3;

void* blocks[1024];

std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

[[gnu::noinline]] std::uint64_t churn(workload::Dice& dice, std::size_t count) {
  const std::uint64_t begin = now_ns();
  for (std::size_t i = 0; i != count; ++i) {
    void*& block = blocks[dice.below(std::size(blocks))];
    std::free(block);
    const std::size_t bytes = 16 + dice.below(256);
    block = std::malloc(bytes);
    workload::use(block, bytes);
  }
  return now_ns() - begin;
}

// Returns: nanoseconds that `count` blocks took, at the end of so many calls.
[[gnu::noinline]] std::uint64_t deep(unsigned calls, workload::Dice& dice, std::size_t count) {
  const std::uint64_t took = calls == 0 ? churn(dice, count) : deep(calls - 1, dice, count);
  __asm__ volatile("");  // so that this call is not the last thing that its caller does
  return took;
}

double quickest(unsigned times, std::size_t count, workload::Dice& dice) {
  std::uint64_t least = UINT64_MAX;
  for (unsigned i = 0; i != times; ++i) {
    ::usleep(20'000);
    least = std::min(least, deep(depth, dice, count));
  }
  return static_cast<double>(least) / static_cast<double>(2 * count);
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t long_run = task.times(2'000'000);
  const double burst_ns = quickest(bursts, burst, dice), long_ns = quickest(runs, long_run, dice);
  std::printf("{\"operations\": %zu, \"burst_ns\": %.2f, \"long_ns\": %.2f}\n",
              2 * (bursts * burst + runs * long_run), burst_ns, long_ns);
  return 0;
}
