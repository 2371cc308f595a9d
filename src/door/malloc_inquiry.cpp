// The doors that ask about the heap and tend it: mallinfo and its kin.
#include <malloc.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "../base/compiler.hpp"
#include "../observe/statistics_text.hpp"
#include "kitchen.hpp"
#include "walked.hpp"

using basalt::HeapStats;
using basalt::door::kitchen;
using basalt::door::Walked;

namespace {

// What all of these functions tell, from one look at the heap.
struct Sight {
  std::size_t live = 0;
  std::size_t free = 0;
  std::size_t free_blocks = 0;
  std::size_t cached = 0;     // of what is free, in the threads' bins
  std::size_t purgeable = 0;  // of what is free, what malloc_trim would give back

  // By the names that basalt_stats_json has for them, if the kitchen is one that knows.
  basalt::observe::Figure figures[basalt::observe::figure_count] = {};
};

template <class Kitchen>
[[nodiscard]] Sight sight_of(const Kitchen& heap) noexcept {
  Sight sight;
  if constexpr (Walked<Kitchen>) {
    heap.with_statistics([&sight](const auto& now, const auto&) {
      sight.live = now.live();
      sight.free = now.mapped - now.metadata - now.live();
      sight.free_blocks = now.unused_slots();
      sight.cached = now.spans.cached;
      sight.purgeable = now.dirty;
      basalt::observe::Figure* next = sight.figures;
      basalt::observe::each_figure(now, [&next](basalt::observe::Figure figure) { *next++ = figure; });
    });
  } else {
    const HeapStats stats = heap.stats();
    sight.live = stats.live_bytes;
    sight.free = stats.free_bytes;
    sight.free_blocks = stats.free_blocks;
  }
  return sight;
}

[[nodiscard]] struct mallinfo2 as_mallinfo2(const Sight& sight) noexcept {
  struct mallinfo2 info {};
  info.arena = sight.live + sight.free;
  info.ordblks = sight.free_blocks;
  info.fsmblks = sight.cached;
  info.uordblks = sight.live;
  info.fordblks = sight.free;
  info.keepcost = sight.purgeable;
  return info;
}

// The old form has ints, which overflow at 2 GiB: that is why there is a second. What does not fit is reported as
// the most that does.
[[nodiscard]] struct mallinfo as_mallinfo(const Sight& sight) noexcept {
  const struct mallinfo2 wide = as_mallinfo2(sight);
  const auto narrow = [](std::size_t value) {
    return static_cast<int>(std::min(value, static_cast<std::size_t>(INT_MAX)));
  };
  struct mallinfo info {};
  info.arena = narrow(wide.arena);
  info.ordblks = narrow(wide.ordblks);
  info.fsmblks = narrow(wide.fsmblks);
  info.uordblks = narrow(wide.uordblks);
  info.fordblks = narrow(wide.fordblks);
  info.keepcost = narrow(wide.keepcost);
  return info;
}

}  // namespace

extern "C" {

BASALT_DOOR struct mallinfo2 mallinfo2(void) noexcept { return as_mallinfo2(sight_of(kitchen)); }

BASALT_DOOR struct mallinfo mallinfo(void) noexcept { return as_mallinfo(sight_of(kitchen)); }

// No parameter of glibc's allocator means anything to ours; 1 says that the wish was heard, as for an unknown
// one.
BASALT_DOOR int mallopt(int, int) noexcept { return 1; }

BASALT_DOOR int malloc_trim(size_t) noexcept { return kitchen.trim() ? 1 : 0; }

BASALT_DOOR int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) return EINVAL;
  const Sight sight = sight_of(kitchen);
  fprintf(stream, "<malloc version=\"%s\">\n<heap nr=\"0\">\n", basalt::door::kitchen_name);
  fprintf(stream, "<total type=\"free\" count=\"%zu\" size=\"%zu\"/>\n", sight.free_blocks, sight.free);
  fprintf(stream, "<total type=\"live\" size=\"%zu\"/>\n", sight.live);
  for (const basalt::observe::Figure& figure : sight.figures) {
    if (figure.name != nullptr)
      fprintf(stream, "<total type=\"%s\" size=\"%zu\"/>\n", figure.name, figure.value);
  }
  fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n</heap>\n</malloc>\n", sight.live + sight.free);
  return 0;
}

BASALT_DOOR void malloc_stats(void) noexcept {
  const Sight sight = sight_of(kitchen);
  fprintf(stderr, "%s: %zu bytes live, %zu bytes free in %zu blocks, %zu bytes from the system\n",
          basalt::door::kitchen_name, sight.live, sight.free, sight.free_blocks, sight.live + sight.free);
}

// Where glibc has them.
#if defined(__GLIBC__)
BASALT_DOOR struct mallinfo __libc_mallinfo(void) noexcept { return as_mallinfo(sight_of(kitchen)); }
BASALT_DOOR int __libc_mallopt(int, int) noexcept { return 1; }
#endif

}  // extern "C"
