// Which fit is best? First, next and best fit over the same requests: random ones, and those of real programs if
// bench/traces/record has recorded some into build/traces/. Time is the processor time of this thread,
// the shortest of five runs: others may use the machine meanwhile.
//
// list: blocks on the free list, sampled after every 64th step. searched: blocks that a search looked at, for one
// allocation. fragmentation: how much more memory was grown than was ever live at once.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/mmap_grower.hpp"

namespace {

using namespace basalt;

struct Request {
  std::uint32_t block;  // which, counted from 0
  bool frees;
  std::size_t size;
};

struct Workload {
  std::string name;
  std::vector<Request> requests;
  std::size_t blocks;
};

struct Searches : Silent {
  std::size_t count = 0;
  void searched(Range) noexcept { ++count; }
};

template <class Size>
Workload random(const char* name, Size&& size) {
  std::mt19937_64 dice{42};
  Workload work{name, {}, 0};
  std::vector<Request> live;
  for (int step = 0; step < 60'000; ++step) {
    if (live.empty() || (live.size() < 2000 && dice() % 2 == 0) || dice() % 16 == 0) {
      live.push_back({static_cast<std::uint32_t>(work.blocks++), false, size(dice)});
      work.requests.push_back(live.back());
    } else {
      std::swap(live[dice() % live.size()], live.back());
      work.requests.push_back({live.back().block, true, live.back().size});
      live.pop_back();
    }
  }
  return work;
}

Workload recorded(const std::filesystem::path& path) {
  Workload work{path.stem().string(), {}, 0};
  std::unordered_map<std::uint64_t, Request> live;
  std::ifstream file{path, std::ios::binary};
  std::uint64_t event[2];
  while (work.requests.size() < 100'000 && file.read(reinterpret_cast<char*>(event), sizeof event)) {
    if (event[1] != UINT64_MAX) {
      const Request request{static_cast<std::uint32_t>(work.blocks++), false, event[1]};
      live[event[0]] = request;
      work.requests.push_back(request);
    } else if (const auto found = live.find(event[0]); found != live.end()) {
      work.requests.push_back({found->second.block, true, found->second.size});
      live.erase(found);
    }
  }
  return work;
}

template <class Heap, class EachStep>
void run(Heap& heap, const Workload& work, std::vector<std::byte*>& blocks, EachStep&& each_step) {
  for (const Request& request : work.requests) {
    if (request.frees) {
      heap.deallocate(blocks[request.block], request.size);
    } else {
      blocks[request.block] = heap.allocate({request.size}).value;
    }
    each_step();
  }
}

// Returns: nanoseconds.
double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Fit>
void measure(const char* fit, const Workload& work) {
  using Grower = AtLeast<MmapGrower<RawOs>, 256 * KiB>;
  std::vector<std::byte*> blocks(work.blocks);
  double best = 1e300;
  for (int round = 0; round < 5; ++round) {
    auto heap = std::make_unique<RawAlloc<Grower, Fit>>();
    const double begin = processor_time();
    run(*heap, work, blocks, [] {});
    best = std::min(best, processor_time() - begin);
    if (!heap->stats().conserved()) std::abort();
  }
  auto heap = std::make_unique<RawAlloc<Grower, Fit, GiveBackNever, Searches>>();
  std::size_t steps = 0, samples = 0, lengths = 0;
  run(*heap, work, blocks, [&] {
    if (steps++ % 64 == 0) ++samples, lengths += heap->list().length();
  });
  const HeapStats stats = heap->stats();
  std::printf("%s,%s,%zu,%.0f,%.1f,%zu,%zu,%zu,%zu,%.3f\n", work.name.c_str(), fit, work.requests.size(),
              best / static_cast<double>(work.requests.size()),
              static_cast<double>(heap->observer().count) / static_cast<double>(stats.allocations),
              lengths / samples, heap->list().longest(), stats.grown_bytes, stats.peak_live_bytes,
              static_cast<double>(stats.grown_bytes) / static_cast<double>(stats.peak_live_bytes));
}

void compare(const Workload& work) {
  if (work.requests.empty()) return;
  measure<FirstFit>("first", work);
  measure<NextFit>("next", work);
  measure<BestFit>("best", work);
}

}  // namespace

int main() {
  std::puts(
      "workload,fit,steps,ns_per_step,searched,list_mean,list_longest,grown_bytes,peak_live_bytes,"
      "fragmentation");
  compare(random("equal", [](auto& dice) { return std::size_t{16} << dice() % 4; }));
  compare(random("small", [](auto& dice) { return 1 + dice() % 512; }));
  compare(
      random("mixed", [](auto& dice) { return std::size_t{1} + dice() % (std::size_t{16} << dice() % 11); }));
  std::vector<std::filesystem::path> traces;
  if (std::filesystem::exists("build/traces")) {
    for (const auto& entry : std::filesystem::directory_iterator{"build/traces"})
      if (entry.path().extension() == ".trace") traces.push_back(entry.path());
  }
  std::sort(traces.begin(), traces.end());
  for (const auto& path : traces) compare(recorded(path));
}
