// How does one list of free blocks serve many threads: behind a spin lock, behind a mutex, or without a lock?
//
//   bench-lock_scaling [ROUNDS] [MILLISECONDS]     prints CSV; default 5 rounds of 100 ms
//
// Each thread keeps 32 blocks and replaces one of them at every step, so that a step is one deallocate and one
// allocate. `short` begins with an empty heap; `long` begins with 500 free blocks of 16 bytes, each between two live
// ones, which every request has to walk past. The three heaps take turns within a round, so that a disturbance of the
// machine hits all of them alike; the minimum and the median over the rounds are printed, in nanoseconds of wall time
// for one step of all threads together (less is better; with perfect scaling on enough processors, n threads halve it
// n/2 times).

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "basic/lock_free_alloc.hpp"
#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "platform/futex_lock.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

// Large enough that no heap grows twice: a second growth could come to lie in front of the obstacles.
using Grower = AtLeast<MmapGrower<RawOs>, 4 * MiB>;
using Clock = std::chrono::steady_clock;

constexpr std::size_t thread_counts[] = {1, 2, 4, 8, 16};
constexpr std::size_t blocks_per_thread = 32;
constexpr std::size_t obstacles = 500;

class Random {
 public:
  explicit Random(std::size_t seed) : state_{seed * 2 + 1} {}
  std::size_t draw(std::size_t below) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % below;
  }

 private:
  std::size_t state_;
};

template <class Heap>
std::size_t work(Heap& heap, std::size_t seed, const std::atomic<bool>& stop) {
  Random random{seed};
  std::array<Range, blocks_per_thread> blocks{};
  std::size_t steps = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    Range& block = blocks[random.draw(blocks.size())];
    if (!block.empty()) heap.deallocate(block.begin, block.size);
    block.size = 32 + random.draw(480);
    block.begin = heap.allocate({block.size}).value;
    ++steps;
  }
  for (const Range& block : blocks) {
    if (!block.empty()) heap.deallocate(block.begin, block.size);
  }
  return steps;
}

// The first block of a heap lies lowest. Given back in parts, every second one, it leaves free blocks in front of all
// that is large enough for a request.
template <class Heap>
void put_obstacles(Heap& heap) {
  std::byte* const block = heap.allocate({2 * obstacles * least_block}).value;
  for (std::size_t i = 0; i < obstacles; ++i) heap.deallocate(block + 2 * i * least_block, least_block);
}

// Returns: nanoseconds of wall time for one step.
template <class Heap>
double measure(std::size_t threads, bool long_list, std::chrono::milliseconds length) {
  const auto heap = std::make_unique<Heap>();
  if (long_list) put_obstacles(*heap);
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> steps{0};
  std::vector<std::thread> running;
  const Clock::time_point begin = Clock::now();
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] { steps.fetch_add(work(*heap, i, stop), std::memory_order_relaxed); });
  }
  std::this_thread::sleep_for(length);
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
  return took.count() / static_cast<double>(steps.load(std::memory_order_relaxed));
}

struct Contender {
  const char* name;
  double (*measure)(std::size_t threads, bool long_list, std::chrono::milliseconds length);
};

constexpr Contender contenders[] = {
    {"spin lock", measure<Locked<RawAlloc<Grower>, SpinLock<Backoff>>>},
    {"mutex", measure<Locked<RawAlloc<Grower>, FutexLock>>},
    {"lock-free", measure<LockFreeAlloc<Grower>>},
};

void compare(bool long_list, std::size_t threads, std::size_t rounds, std::chrono::milliseconds length) {
  std::array<std::vector<double>, std::size(contenders)> results;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      results[i].push_back(contenders[i].measure(threads, long_list, length));
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::sort(results[i].begin(), results[i].end());
    std::printf("%s,%s,%zu,%.1f,%.1f\n", long_list ? "long" : "short", contenders[i].name, threads,
                results[i].front(), results[i][rounds / 2]);
  }
  std::fflush(stdout);
}

}  // namespace
}  // namespace basalt

int main(int count, char** arguments) {
  const std::size_t rounds = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 5;
  const std::chrono::milliseconds length{count > 2 ? std::strtol(arguments[2], nullptr, 10) : 100};
  if (rounds == 0 || length.count() <= 0) {
    std::fprintf(stderr, "usage: bench-lock_scaling [ROUNDS] [MILLISECONDS]\n");
    return 2;
  }
  std::printf("list,heap,threads,min_ns,median_ns\n");
  for (const bool long_list : {false, true}) {
    for (const std::size_t threads : basalt::thread_counts)
      basalt::compare(long_list, threads, rounds, length);
  }
}
