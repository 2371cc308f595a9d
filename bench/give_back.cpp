// From what size on is it worth to give memory back? The cost of getting pages, touching each, and giving them back,
// against touching pages that were kept. Processor time, the shortest of fifty rounds.
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "platform/raw_os.hpp"
#include "source/mmap_grower.hpp"

namespace {

using namespace basalt;

constexpr int repeats = 20;

// Returns: nanoseconds.
double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void touch(Range range, std::size_t page) {
  for (std::size_t at = 0; at < range.size; at += page)
    static_cast<volatile std::byte&>(range.begin[at]) = std::byte{1};
}

// Returns: nanoseconds for one call of `work`.
template <class Work>
double shortest(Work&& work) {
  double best = 1e300;
  for (int round = 0; round < 50; ++round) {
    const double begin = processor_time();
    for (int i = 0; i < repeats; ++i) work();
    best = std::min(best, (processor_time() - begin) / repeats);
  }
  return best;
}

}  // namespace

int main() {
  MmapGrower<RawOs> grower;
  const std::size_t page = grower.page_size();
  std::puts("bytes,ns_given_back,ns_kept,ns_per_page");
  for (std::size_t bytes = page; bytes <= 4 * MiB; bytes *= 4) {
    const Range kept = grower.grow(bytes).value;
    const double back = shortest([&] {
      const Range fresh = grower.grow(bytes).value;
      touch(fresh, page);
      (void)grower.give_back(fresh);
    });
    const double stays = shortest([&] { touch(kept, page); });
    (void)grower.give_back(kept);
    std::printf("%zu,%.0f,%.0f,%.0f\n", bytes, back, stays, back / static_cast<double>(bytes / page));
  }
}
